package source

import (
	"context"
	"encoding/json"
	"time"
)

// Source follows the transactions of one profile. All methods may be called from any goroutine.
//
// Duties of a source: no goroutine and no timer per watched transaction; where there are blocks, the number of calls to the
// outside depends on them and on trackers that changed, never on how many are watched; what it observes is checked against
// the canonical chain before it is handed over, in the order of the chain, and a whole reorganisation is processed before any
// of it is.
type Source interface {
	// Parse checks the params of a start and returns what they ask for. It does no I/O. It fails with a [*ParamsError]
	// naming every faulty field.
	Parse(id string, params json.RawMessage) (Target, error)

	// Run follows the outside until ctx ends and returns the cause of ctx, or the reason it cannot go on. What is watched
	// survives Run: it may be called again after it returned, never twice at once.
	Run(ctx context.Context) error

	// Watch starts to observe t for o, at once and without blocking, whether Run is running or not. Every Watch leads to a
	// first observation as soon as the outside can be asked.
	Watch(t Target, h Hint, o Observer) Handle

	// Checkpoint returns up to where everything has been handed to the observers. The zero Checkpoint means unknown.
	Checkpoint() Checkpoint

	// Health says how the outside is.
	Health() Health
}

// Observer takes observations of one transaction. Observe must return at once and not call the handle: the source may hold
// locks.
type Observer interface {
	Observe(Observation)
}

// Handle is one watched transaction.
type Handle interface {
	// Wake asks for an [Advanced] observation as soon as the wake's condition holds, at once if it holds already. It
	// replaces the wake asked for before; the zero Wake asks for none.
	Wake(Wake)

	// Refresh puts the transaction at the front of the look-up queue; an observation follows when the outside answers.
	Refresh()

	// Close ends the watch. No observation begins after it returned.
	Close()

	// Checks says how the transaction is looked at, for people. It is cheap, and answers from what is known.
	Checks() Checks
}

// Checks is how one transaction is looked at.
type Checks struct {
	Last     time.Time // when it was last looked at; zero: never, or unknown
	Next     time.Time // when it will be next, if nothing happens before; zero: unknown
	Endpoint string    // which endpoint said the last thing of it, by its name in [Health], without secrets; "": none yet
	Waiting  string    // what the source waits for before it can say more, as in "the receipt of block 7"; "": only for what happens

	Head, Safe, Finalized uint64 // the heights that the source knows; 0: unknown, or there are no blocks
}

// Target is a start's params, understood.
type Target struct {
	Ref    any // belongs to the source
	Policy *Policy
}

// Policy is what a start asks of finality and patience; trackers apply it. Policies may be shared and are read only.
type Policy struct {
	Confirmations uint64 // needed when Finality is Depth; 1 = included
	Finality      Finality
	Progress      Progress
	DropAfter     uint64        // blocks before it is dropped, from the first look in vain or from when it went missing; 0: never
	DropMinAge    time.Duration // and not younger than this
	DropAge       time.Duration // where there are no blocks: how long it is looked for in vain before it is dropped; 0: never
	MissingChecks int           // looks in vain before a pending transaction is missing
}

// Finality says which head makes an inclusion final.
type Finality uint8

// The finality kinds.
const (
	Depth     Finality = iota // Confirmations blocks, the including one counted
	Safe                      // the chain's safe head
	Finalized                 // the chain's finalized head
)

// String returns the name used in params and events.
func (f Finality) String() string { return [...]string{"depth", "safe", "finalized"}[f] }

// Progress says at which confirmations a progress event is wanted. The zero value means the default: the first and the
// last one needed.
type Progress struct {
	Every bool
	None  bool
	At    []uint64 // ascending
}

// BlockRef names a block.
type BlockRef struct {
	Number uint64    `json:"number"`
	Hash   string    `json:"hash"`
	Time   time.Time `json:"time,omitzero"`
}

// Hint is what the tracker's record knows when a watch begins again after a restart or a takeover.
type Hint struct {
	Since uint64    // everything up to this height was observed; 0: nothing known
	Block *BlockRef // where the transaction was included; nil: nowhere
	By    string    // the other transaction, when it is that one which is in Block; "": the watched one itself
}

// Wake is a condition on a head: the head of kind Head has reached Height.
type Wake struct {
	Height uint64
	Head   Finality // Depth: the latest head
}

// Checkpoint names the last block of which everything was handed over.
type Checkpoint struct {
	Height uint64 `json:"height"`
	Hash   string `json:"hash,omitempty"`
}

// Kind is what was observed.
type Kind uint8

// The kinds of observations.
const (
	Absent    Kind = iota + 1 // asked an endpoint that is up to date, and it does not know the transaction
	Pending                   // known, in no block
	Included                  // in a block of the canonical chain
	Advanced                  // included as before; a head has reached the asked height
	Reorged                   // its block is not canonical any more; Inclusion says where it is now, nil: in no block
	Replacing                 // another transaction with the same sender and nonce is in a canonical block: By, Replacement, Inclusion
	Replaced                  // the nonce is used up for good by a transaction that cannot be named
	Settled                   // an authority without blocks says how the transaction ended, for good: Settlement
)

// Observation is one thing seen of one transaction.
type Observation struct {
	Kind      Kind
	At        time.Time
	Head      uint64 // latest height when it was made
	Safe      uint64 // height of the safe head; 0 unknown
	Finalized uint64 // height of the finalized head; 0 unknown

	Endpoint  int    // Absent: which endpoint said so
	Endpoints int    // Absent: how many endpoints could have said so
	Checks    int    // Absent: how many looks in vain it stands for; 0 is one
	Asked     uint64 // Absent: the endpoints of those looks, bit n for endpoint n; 0 is Endpoint alone

	Pending   *PendingDetails // Pending
	Inclusion *Inclusion      // Included, Reorged when back in, Replacing
	From      *Inclusion      // Reorged: where it was
	Depth     uint64          // Reorged: blocks taken back

	By          string // Replacing, and Reorged into its block: the other transaction
	Replacement string // Replacing, and Reorged into its block: speedup, cancel or other

	Settlement *Settlement // Settled
}

// PendingDetails is what a pending transaction says of itself. Amounts are decimal strings.
type PendingDetails struct {
	Nonce     string            `json:"nonce,omitempty"`
	From      string            `json:"from,omitempty"`
	To        string            `json:"to,omitempty"`
	Value     string            `json:"value,omitempty"`
	Fees      map[string]string `json:"fees,omitempty"`
	FirstSeen time.Time         `json:"first_seen,omitzero"`

	ProviderStatus string `json:"provider_status,omitempty"` // the word of a provider that has statuses of its own
}

// End is how a transaction ended by the word of a provider.
type End uint8

// The ends.
const (
	EndConfirmed End = iota + 1
	EndFailed
	EndStopped // called off
	EndExpired
	EndDropped // the provider has forgotten it for good
)

// Settlement is the last word of an authority that has no blocks, such as a payment provider. There is nothing to wait for
// after it.
type Settlement struct {
	End            End
	ProviderStatus string // in the provider's own words; "" if it used none
	Reason         string // what there is to say beside it
}

// Inclusion is a transaction's place in a block and what came of it there. Amounts are decimal strings.
type Inclusion struct {
	Block      BlockRef
	Index      uint64
	Success    bool
	GasUsed    string
	FeePaid    string
	Reason     string // why it was reverted, if known
	ReasonData string // hex, at most 4 KiB
}

// Health is how the outside of a source is.
type Health struct {
	Degraded  bool   // the outside cannot be followed now
	Error     string // the last error, without secrets; "" when none
	ErrorAt   time.Time
	Head      uint64
	HeadAt    time.Time // when Head was last seen to move
	Safe      uint64
	Finalized uint64
	Watched   int
	Endpoints []EndpointHealth
	Notices   []string          // what is done in another way than asked for, and why
	Calls     map[string]uint64 // calls to the outside so far, by method
}

// EndpointHealth is one endpoint's part of [Health].
type EndpointHealth struct {
	Name      string // without secrets
	Healthy   bool
	Head      uint64
	LatencyMS int64
	Error     string
	Bell      string // how it tells of news by itself, or why it does not; empty: it has no way to
}

// ParamsError says everything that is wrong with the params of a start.
type ParamsError struct{ Faults []Fault }

// Fault is one thing wrong with one field; Field begins with "params".
type Fault struct{ Field, Message string }

// Error joins the faults.
func (e *ParamsError) Error() string {
	s := "source: params"
	for i, f := range e.Faults {
		if i > 0 {
			s += ";"
		}
		s += " " + f.Field + ": " + f.Message
	}
	return s
}

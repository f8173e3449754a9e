package tracker

import (
	"encoding/json"
	"time"
	"unique"

	"trackerfleet/bus"
)

// MaxCrashes is how many crash times a record keeps, the newest ones.
const MaxCrashes = 16

// Record is all that is known of one tracked transaction. It never changes and may be shared between goroutines. Get one
// from [Start] or [Decode].
//
// A million of them are held at once: what not every tracker has is behind a pointer, what many have in common is
// shared, and times and words take as little as they can.
type Record struct {
	id    bus.ID
	ask   *ask   // what the start said beside the ID; shared by starts that said the same
	sight *sight // how it was last seen outside of a block; nil: never looked
	place *place // the inclusion that is being confirmed; nil: none
	rest  *rest  // nil: nothing of it

	origin      origin // of the newest run that came by a stream
	events      uint64 // number of the last event
	epoch       uint64
	incarnation uint64
	startedAt   stamp
	updatedAt   stamp
	deadline    stamp
	head        uint64 // head of the last block that was observed with the transaction's whereabouts

	run uint32

	offersSafe bool // the last observation knew a safe head; not durable

	status  status
	phase   phase
	restart restart
}

// sight is how a transaction was last seen when it was in no block, and how it was missed since.
type sight struct {
	height   uint64 // head when it was last seen or went missing; never seen: at the first look
	lastSeen stamp  // none: never
	since    stamp  // first look in vain; none: it was not missed since
	checks   uint32 // looks in vain; from the largest number on they are not counted

	// The looks in vain, as far as this process knows and since it was last in a block; not durable, as endpoints have no names
	// that last.
	looks    uint16
	endpoint uint8 // of the first of them, plus one: at most 64, see [source.Observation.Looks]
	several  bool  // they were made at more than one endpoint
}

// place is a transaction's place in a block, its own or the one of what replaces it.
type place struct {
	Number     uint64 `json:"number"`
	Hash       string `json:"hash,omitempty"`
	Time       stamp  `json:"time,omitzero"`
	Index      uint64 `json:"index,omitempty"`
	Success    bool   `json:"success,omitempty"`
	GasUsed    string `json:"gas_used,omitempty"`
	FeePaid    string `json:"fee_paid,omitempty"`
	Reason     string `json:"reason,omitempty"`
	ReasonData string `json:"reason_data,omitempty"`

	Need     uint64 `json:"need,omitempty"`     // confirmations wanted; 0: finality is a tag's
	Reported uint64 `json:"reported,omitempty"` // confirmations in the last event
	Safe     bool   `json:"safe,omitempty"`     // reported that the safe head covers it

	By     string     `json:"by,omitempty"`     // another transaction is here; "": ours
	Kind   string     `json:"kind,omitempty"`   // of that replacement
	Before bus.Status `json:"before,omitempty"` // ours, before the other one was included
}

// rest is what few records have while they are held in memory. It never changes either.
type rest struct {
	result   string   // data of the terminal event
	extra    string   // fields of other versions, each as ,"name":value
	inner    *inner   // such fields within the record's objects; nil: none
	left     *string  // hash of the block that a reorganisation took it out of; nil: none
	trouble  *trouble // crashes; nil: none so far
	restarts uint32
}

// trouble is what went wrong in the process.
type trouble struct {
	crashes []stamp // oldest first, at most MaxCrashes
	at      stamp
	message string
}

// restOf returns what there is of the rest, to read or to copy.
func (r *Record) restOf() rest {
	if r.rest == nil {
		return rest{}
	}
	return *r.rest
}

func (r *Record) trouble() *trouble { return r.restOf().trouble }

// sightOf returns what there is of the sight, to read or to copy.
func (r *Record) sightOf() sight {
	if r.sight == nil {
		return sight{}
	}
	return *r.sight
}

// left returns the hash of the block that a reorganisation took the transaction out of, "" for none.
func (r *Record) left() string {
	if left := r.restOf().left; left != nil {
		return *left
	}
	return ""
}

// ID returns the transaction's ID.
func (r *Record) ID() bus.ID { return r.id }

// Source returns the name of the source profile.
func (r *Record) Source() string {
	if r.ask == nil || r.ask.source == (unique.Handle[string]{}) {
		return ""
	}
	return r.ask.source.Value()
}

// Params returns what the start gave to the source; nil: nothing.
func (r *Record) Params() json.RawMessage {
	if r.ask == nil {
		return nil
	}
	return raw(r.ask.params)
}

// Meta returns what is echoed in every event; nil: nothing.
func (r *Record) Meta() json.RawMessage { return raw(r.meta()) }

// Labels returns a copy of the labels, nil if there are none.
func (r *Record) Labels() map[string]string {
	kept := r.ask.moreOf().labels
	if kept == (unique.Handle[string]{}) {
		return nil
	}
	var labels map[string]string
	if err := json.Unmarshal([]byte(kept.Value()), &labels); err != nil {
		return nil // can't be: only what encodeLabels wrote gets there
	}
	return labels
}

// Trace returns the trace context for the headers of all events.
func (r *Record) Trace() bus.Trace {
	if trace := r.ask.moreOf().trace; trace != nil {
		return *trace
	}
	return bus.Trace{}
}

// Restart returns the restart policy: transient, permanent or temporary.
func (r *Record) Restart() string { return r.restart.word() }

// Run returns how often the transaction ID was started, this time included.
func (r *Record) Run() uint64 { return uint64(r.run) }

// Phase returns running, parked or finished; the other phases are not durable.
func (r *Record) Phase() bus.Phase { return r.phase.word() }

// Status returns what is known of the transaction.
func (r *Record) Status() bus.Status { return r.status.word() }

// Events returns the number of the last event.
func (r *Record) Events() uint64 { return r.events }

// Epoch returns the epoch of the owner that wrote the record last; see [Record.Owned].
func (r *Record) Epoch() uint64 { return r.epoch }

// Incarnation returns the incarnation that wrote the record last; see [Record.Owned].
func (r *Record) Incarnation() uint64 { return r.incarnation }

// Restarts returns how often this run came back after a crash.
func (r *Record) Restarts() uint64 { return uint64(r.restOf().restarts) }

// StartedAt returns when the run was accepted.
func (r *Record) StartedAt() time.Time { return r.startedAt.time() }

// UpdatedAt returns when the record last changed durably.
func (r *Record) UpdatedAt() time.Time { return r.updatedAt.time() }

// Deadline returns when the run expires, the zero time for never.
func (r *Record) Deadline() time.Time { return r.deadline.time() }

// Crashes returns the times of the newest crashes since the start or the last [Record.Resumed], oldest first.
func (r *Record) Crashes() []time.Time {
	trouble := r.trouble()
	if trouble == nil {
		return nil
	}
	times := make([]time.Time, len(trouble.crashes))
	for i, at := range trouble.crashes {
		times[i] = at.time()
	}
	return times
}

// LastError returns the newest crash, nil if there was none.
func (r *Record) LastError() *bus.LastError {
	trouble := r.trouble()
	if trouble == nil || trouble.at == 0 {
		return nil
	}
	return &bus.LastError{At: trouble.at.time(), Message: trouble.message}
}

// Result returns the data of the terminal event, nil before.
func (r *Record) Result() json.RawMessage {
	return raw(r.restOf().result)
}

func (r *Record) meta() string { return r.ask.moreOf().meta }

func raw(s string) json.RawMessage {
	if s == "" {
		return nil
	}
	return json.RawMessage(s)
}

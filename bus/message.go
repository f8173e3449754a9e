package bus

import (
	"encoding/json"
	"time"
)

// StartRequest asks for a tracker: the body of tracker.start, tracker.start.<token> and tracker.spawn.
type StartRequest struct {
	TransactionID ID                `json:"transaction_id"`
	Source        string            `json:"source,omitempty"`  // profile of the workers' configuration; empty: the default
	Params        json.RawMessage   `json:"params,omitempty"`  // belongs to the source kind
	Restart       string            `json:"restart,omitempty"` // permanent, transient (default) or temporary
	Timeout       Duration          `json:"timeout,omitempty"` // from acceptance until expired; 0: none
	Labels        map[string]string `json:"labels,omitempty"`
	Meta          json.RawMessage   `json:"meta,omitempty"` // echoed in every event, at most 4 KiB
	OnExisting    OnExisting        `json:"on_existing,omitempty"`

	// Trace goes with the message as headers: Client sends it, except in SpawnMany; decoders leave it empty, see [TraceOf].
	Trace Trace `json:"-"`
}

// OnExisting says what a start does when the transaction ID has a tracker already.
type OnExisting string

// The values of [OnExisting]. The zero value means [ExistingReturn].
const (
	ExistingReturn  OnExisting = "return"  // reply with the one that is there
	ExistingReject  OnExisting = "reject"  // fail with ErrExists
	ExistingRestart OnExisting = "restart" // a new run, if it has finished
)

// SpawnStatus says how a spawn ended.
type SpawnStatus string

// The values of [SpawnStatus].
const (
	SpawnCreated  SpawnStatus = "created"
	SpawnExisting SpawnStatus = "existing"
	SpawnFinished SpawnStatus = "finished" // it is there and has ended
	SpawnError    SpawnStatus = StatusError
)

// SpawnReply answers one start of tracker.spawn. Exactly one of Tracker and Error is set.
type SpawnReply struct {
	Status  SpawnStatus `json:"status"` // SpawnError when Error is set
	Tracker *Tracker    `json:"tracker,omitempty"`
	Error   *Error      `json:"error,omitempty"`
}

// LookupStatus says what is known of a transaction.
type LookupStatus string

// The values of [LookupStatus].
const (
	LookupFound       LookupStatus = "found"
	LookupNotFound    LookupStatus = "not_found" // the durable record is known to be absent
	LookupUnavailable LookupStatus = "unavailable"
)

// LookupReply answers tracker.lookup. Stale is set when Tracker was read from the stored record while nobody owned it.
type LookupReply struct {
	Status  LookupStatus `json:"status"`
	Tracker *Tracker     `json:"tracker,omitempty"`
	Stale   bool         `json:"stale"`
	Error   *Error       `json:"error,omitempty"` // with LookupUnavailable
}

// Phase is what the tracker's process is doing.
type Phase string

// The values of [Phase].
const (
	PhaseStarting Phase = "starting"
	PhaseRunning  Phase = "running"
	PhaseBackoff  Phase = "backoff"
	PhaseHandoff  Phase = "handoff"
	PhaseParked   Phase = "parked"
	PhaseFinished Phase = "finished"
)

// Status is what the source says of the transaction.
type Status string

// The values of [Status]; those from StatusConfirmed on are terminal.
const (
	StatusUnseen     Status = "unseen"
	StatusPending    Status = "pending"
	StatusConfirming Status = "confirming"
	StatusMissing    Status = "missing"
	StatusConfirmed  Status = "confirmed"
	StatusFailed     Status = "failed"
	StatusReplaced   Status = "replaced"
	StatusDropped    Status = "dropped"
	StatusExpired    Status = "expired"
	StatusStopped    Status = "stopped"
)

// Terminal reports whether s ends a run.
func (s Status) Terminal() bool {
	switch s {
	case StatusConfirmed, StatusFailed, StatusReplaced, StatusDropped, StatusExpired, StatusStopped:
		return true
	}
	return false
}

// Types of events; a terminal event's type is its [Status].
const (
	EventStarted   = "started"
	EventRestarted = "restarted"
	EventParked    = "parked"
	EventResumed   = "resumed"
	EventPending   = "pending"
	EventIncluded  = "included"
	EventProgress  = "progress"
	EventReorged   = "reorged"
	EventMissing   = "missing"
	EventReplacing = "replacing"
)

// Tracker is what lookup, spawn, call and list show of one tracker.
type Tracker struct {
	TransactionID     ID                `json:"transaction_id"`
	Source            string            `json:"source"`
	Run               uint64            `json:"run"`
	Phase             Phase             `json:"phase"`
	Status            Status            `json:"status"`
	Progress          *Progress         `json:"progress,omitempty"`
	Worker            string            `json:"worker"`
	Partition         int               `json:"partition"`
	Epoch             uint64            `json:"epoch"`
	Incarnation       uint64            `json:"incarnation"`
	Restarts          uint64            `json:"restarts"`
	StartedAt         time.Time         `json:"started_at"`
	UpdatedAt         time.Time         `json:"updated_at"`
	LastCheckAt       *time.Time        `json:"last_check_at,omitempty"`
	NextCheckAt       *time.Time        `json:"next_check_at,omitempty"`
	LastCheckEndpoint string            `json:"last_check_endpoint,omitempty"` // who answered the last check, without secrets
	WaitingFor        string            `json:"waiting_for,omitempty"`         // why it does not move now, in one line for people; "" when it has finished
	Deadline          *time.Time        `json:"deadline,omitempty"`
	LastError         *LastError        `json:"last_error,omitempty"`
	Result            json.RawMessage   `json:"result"` // data of the terminal event; null before
	Labels            map[string]string `json:"labels"`
	Meta              json.RawMessage   `json:"meta,omitempty"`
	Events            uint64            `json:"events"` // number of the last event
}

// Progress counts confirmations: Have of Need. Need is 0 where it is the safe or finalized head that makes an inclusion final.
type Progress struct {
	Have uint64 `json:"have"`
	Need uint64 `json:"need"`
}

// LastError is the newest crash of a tracker.
type LastError struct {
	At      time.Time `json:"at"`
	Message string    `json:"message"`
}

// Duration is a time.Duration whose JSON form is a Go duration string such as "24h".
type Duration time.Duration

// MarshalJSON writes the duration as Go prints it.
func (d Duration) MarshalJSON() ([]byte, error) { return json.Marshal(time.Duration(d).String()) }

// UnmarshalJSON reads a Go duration string.
func (d *Duration) UnmarshalJSON(b []byte) error {
	var s string
	if err := json.Unmarshal(b, &s); err != nil {
		return err
	}
	v, err := time.ParseDuration(s)
	*d = Duration(v)
	return err
}

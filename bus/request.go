package bus

// MaxItems is how many starts one tracker.spawn may carry.
const MaxItems = 1000

// Sizes of what the fleet accepts, in bytes. A body is measured before it is parsed; meta is measured without white space
// between its tokens.
const (
	MaxBodyBytes       = 64 << 10 // a request, and one start wherever it comes from
	MaxBulkBytes       = 1 << 20  // a tracker.spawn with items
	MaxMetaBytes       = 4 << 10
	MaxLabels          = 32
	MaxLabelKeyBytes   = 63
	MaxLabelValueBytes = 256
	MaxNameBytes       = 64  // of a source or a worker
	MaxReasonBytes     = 256 // of a stop's reason and of by
	MaxFilterBytes     = 1024
	MaxCursorBytes     = 1024
)

// Limits of [ListRequest].
const (
	DefaultListLimit = 100
	MaxListLimit     = 1000
)

// The values of [StartRequest].Restart. Empty means [RestartTransient].
const (
	RestartPermanent = "permanent"
	RestartTransient = "transient"
	RestartTemporary = "temporary"
)

// SpawnRequest is the body of tracker.spawn: one start, or up to [MaxItems] as {"items": [...]}.
type SpawnRequest struct {
	Items []SpawnItem
	Bulk  bool // answer with a SpawnManyReply even if there is one item
}

// SpawnItem is one start of a [SpawnRequest]. Err is set if it could not be understood; the other items still count.
type SpawnItem struct {
	Start StartRequest
	Err   *Error
}

// LookupRequest is the body of tracker.lookup.
type LookupRequest struct {
	TransactionID ID `json:"transaction_id"`
}

// Op says what tracker.call asks of a running tracker.
type Op string

// The values of [Op].
const (
	OpState   Op = "state"   // default
	OpRefresh Op = "refresh" // ask the source now, and answer with what it says or, if that takes long, without
	OpPing    Op = "ping"
	OpCrash   Op = "crash" // panic, for rehearsals; only where the workers allow it
)

// CallRequest is the body of tracker.call.
type CallRequest struct {
	TransactionID ID `json:"transaction_id"`
	Op            Op `json:"op,omitempty"`
}

// Reasons of [StopRequest] that end a tracker. Any other reason is an abnormal exit: a transient or permanent tracker is
// restarted.
const (
	ReasonNormal   = "normal" // default
	ReasonShutdown = "shutdown"
)

// StopRequest is the body of tracker.stop.
type StopRequest struct {
	TransactionID ID     `json:"transaction_id"`
	Reason        string `json:"reason,omitempty"`
	By            string `json:"by,omitempty"` // who asks; goes into the event
}

// Orderly reports whether the tracker is to end, and not to crash.
func (r StopRequest) Orderly() bool { return r.Reason == ReasonNormal || r.Reason == ReasonShutdown }

// RetryRequest is the body of tracker.retry.
type RetryRequest struct {
	TransactionID ID     `json:"transaction_id"`
	By            string `json:"by,omitempty"` // who asks; goes into the event
}

// ListRequest is the body of tracker.list. See [ParseFilter] for the syntax of Filter.
type ListRequest struct {
	Filter string `json:"filter,omitempty"`
	Limit  int    `json:"limit,omitempty"`  // 1 to MaxListLimit; decoded as DefaultListLimit if left out
	Cursor string `json:"cursor,omitempty"` // of the page before
}

// FleetRequest is the body of tracker.fleet.
type FleetRequest struct{}

// DrainRequest is the body of tracker.drain.
type DrainRequest struct {
	Worker string `json:"worker"`
}

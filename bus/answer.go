package bus

import "time"

// SpawnManyReply answers a tracker.spawn with items: Items[i] answers start i. Their trackers come without labels, meta
// and result, so that the answer to any number of items fits a message; look them up for the rest.
type SpawnManyReply struct {
	Items []SpawnReply `json:"items"`
}

// Trim returns the reply as it may be sent: trackers without labels, meta and result, errors without details beyond the
// first few.
func (r SpawnManyReply) Trim() SpawnManyReply {
	const maxDetails = 2
	items := make([]SpawnReply, len(r.Items))
	for i, item := range r.Items {
		if t := item.Tracker; t != nil {
			small := *t
			small.Labels, small.Meta, small.Result, small.LastError = nil, nil, nil, nil
			item.Tracker = &small
		}
		if e := item.Error; e != nil {
			small := *e
			small.Details = small.Details[:min(len(small.Details), maxDetails)]
			item.Error = &small
		}
		items[i] = item
	}
	return SpawnManyReply{Items: items}
}

// CallStatus says how a call ended.
type CallStatus string

// CallOK is the status of a call that was served; all others are errors.
const CallOK CallStatus = "ok"

// CallReply answers tracker.call.
type CallReply struct {
	Status   CallStatus `json:"status"`
	Op       Op         `json:"op"`
	Answered *bool      `json:"answered,omitempty"` // refresh: the source has said something since, and Tracker is what came of it
	Tracker  *Tracker   `json:"tracker"`
}

// StopStatus says how a stop ended.
type StopStatus string

// The values of [StopStatus].
const (
	StopStopped   StopStatus = "stopped"   // it has ended and its name is free
	StopRestarted StopStatus = "restarted" // the reason was abnormal: it runs again as the incarnation in the reply
	StopParked    StopStatus = "parked"    // the same, but it had crashed too often
	StopFinished  StopStatus = "finished"  // it had ended before
)

// StopReply answers tracker.stop.
type StopReply struct {
	Status  StopStatus `json:"status"`
	Tracker *Tracker   `json:"tracker"`
}

// RetryStatus says how a retry ended.
type RetryStatus string

// The values of [RetryStatus].
const (
	RetryResumed RetryStatus = "resumed"
	RetryRunning RetryStatus = "running" // it was not parked
)

// RetryReply answers tracker.retry.
type RetryReply struct {
	Status  RetryStatus `json:"status"`
	Tracker *Tracker    `json:"tracker"`
}

// ListReply answers tracker.list with one page in no particular order that stays the same from page to page.
type ListReply struct {
	Trackers   []Tracker `json:"trackers"`
	Counts     Counts    `json:"counts"`           // of all trackers, whatever the filter
	Cursor     string    `json:"cursor,omitempty"` // asks for the next page; empty on the last one
	Incomplete bool      `json:"incomplete"`       // some partitions could not answer
}

// Counts counts trackers. Finished ones count as long as their records are kept.
type Counts struct {
	Total    uint64            `json:"total"`
	ByPhase  map[Phase]uint64  `json:"by_phase"`
	ByStatus map[Status]uint64 `json:"by_status"`
}

// Add adds other to c.
func (c *Counts) Add(other Counts) {
	c.Total += other.Total
	for phase, n := range other.ByPhase {
		if c.ByPhase == nil {
			c.ByPhase = map[Phase]uint64{}
		}
		c.ByPhase[phase] += n
	}
	for status, n := range other.ByStatus {
		if c.ByStatus == nil {
			c.ByStatus = map[Status]uint64{}
		}
		c.ByStatus[status] += n
	}
}

// FleetReply answers tracker.fleet as the worker that answers sees it.
type FleetReply struct {
	Fleet      string           `json:"fleet"`
	AnsweredBy string           `json:"answered_by"`
	Workers    []FleetWorker    `json:"workers"`
	Partitions []FleetPartition `json:"partitions"` // all of them, by number
	Counts     Counts           `json:"counts"`
	// StartBacklog is how many starts are stored but not committed yet.
	StartBacklog uint64 `json:"start_backlog"`
}

// FleetWorker is one worker by its last heartbeat.
type FleetWorker struct {
	Worker      string    `json:"worker"`
	Version     string    `json:"version"`
	Alive       bool      `json:"alive"` // heard within a lease
	Draining    bool      `json:"draining"`
	Capacity    uint64    `json:"capacity"` // trackers that it is willing to hold; 0: no limit
	Trackers    uint64    `json:"trackers"`
	Partitions  int       `json:"partitions"`
	HeartbeatAt time.Time `json:"heartbeat_at"`
}

// PartitionState says who serves a partition.
type PartitionState string

// The values of [PartitionState].
const (
	PartitionUnowned  PartitionState = "unowned" // nobody ever claimed it
	PartitionOwned    PartitionState = "owned"
	PartitionReleased PartitionState = "released"
)

// FleetPartition is the owner record of one partition.
type FleetPartition struct {
	Partition int            `json:"partition"`
	State     PartitionState `json:"state"`
	Worker    string         `json:"worker,omitempty"` // the last owner
	Epoch     uint64         `json:"epoch"`
}

// DrainReply answers tracker.drain once the worker has handed over all that it had.
type DrainReply struct {
	Worker     string `json:"worker"`
	Partitions int    `json:"partitions"` // how many it handed over
}

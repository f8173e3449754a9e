package workers

import (
	"fmt"
	"time"

	"trackerfleet/bus"
	"trackerfleet/workers/source"
	"trackerfleet/workers/tracker"
)

// outage is a time in which a source cannot be followed.
type outage struct {
	since  time.Time
	reason string
}

// waiting says in one line, for people, why a tracker that shows phase does not move: what its process waits for or, when that
// runs, what the transaction has to come to, and what keeps the source from seeing it. The end waits for nothing.
func (c *cell) waiting(phase bus.Phase, record *tracker.Record, checks source.Checks) string {
	switch phase {
	case bus.PhaseFinished:
		return ""
	case bus.PhaseParked:
		return parkedWaiting(record.Restarts())
	case bus.PhaseBackoff:
		return c.waitsForRestart()
	case bus.PhaseStarting:
		return "its process to start again"
	}
	if trouble := c.part.worker.storeTrouble(); trouble != nil {
		return "the store to take writes: " + trouble.Error()
	}
	why := record.Waiting(c.policy, checks)
	if out := c.profile().outage.Load(); out != nil {
		return why + "; its source cannot be followed since " + out.since.UTC().Format(time.RFC3339) + ": " + out.reason
	}
	if checks.Waiting != "" {
		return why + "; its source waits for " + checks.Waiting
	}
	return why
}

func (c *cell) waitsForRestart() string {
	child := c.child.Load()
	crash := child.LastCrash()
	if crash == nil || crash.NextTry.IsZero() {
		return "its restart"
	}
	limit := c.part.worker.cfg.Restarts.WithDefaults()
	return fmt.Sprintf("its restart at %s after crash %d; more than %d within %v park it",
		crash.NextTry.UTC().Format(time.RFC3339Nano), len(child.History()), limit.MaxRestarts, limit.Period)
}

func parkedWaiting(restarts uint64) string {
	return fmt.Sprintf("tracker.retry: it crashed too often and is parked, after %d restarts", restarts)
}

// storedWaiting says what a tracker of which only the record is known waits for.
func storedWaiting(t *bus.Tracker) string {
	switch t.Phase {
	case bus.PhaseFinished:
		return ""
	case bus.PhaseParked:
		return parkedWaiting(t.Restarts)
	}
	return fmt.Sprintf("partition %d, which changes hands", t.Partition)
}

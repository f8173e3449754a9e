package soak

import (
	"fmt"
	"time"

	"trackerfleet/bus"
)

// margin is how much earlier or later than told a record may be forgotten: the server counts from when it stored the record, and
// looks now and then.
const margin = 30 * time.Second

// question is what was known of a transaction before and after it was looked up.
type question struct {
	before, after entry
	asked, told   time.Time
	retention     time.Duration
}

// check returns what is wrong with an answer, given all that the transaction may be meanwhile.
func (q question) check(r bus.LookupReply) error {
	switch r.Status {
	case bus.LookupNotFound:
		if q.before.accepted && q.before.events > 0 && !q.after.forgettable(q.told, q.retention) {
			return fmt.Errorf("not found, though %s", q.before)
		}
		return nil
	case bus.LookupFound:
		return q.found(r)
	default:
		return fmt.Errorf("answered with %s", r.Status)
	}
}

// forgettable reports whether the record of e may have been forgotten by now.
func (e entry) forgettable(now time.Time, retention time.Duration) bool {
	end := e.ended
	if end.IsZero() {
		end = e.due // the event may not have come yet
	}
	return !end.IsZero() && now.After(end.Add(retention-min(margin, retention/2)))
}

func (q question) found(r bus.LookupReply) error {
	finished := r.Tracker.Phase == bus.PhaseFinished
	switch {
	case !q.after.asked:
		return fmt.Errorf("found, though nobody has started it")
	case !q.before.ended.IsZero() && q.asked.After(q.before.ended.Add(q.retention+margin)):
		return fmt.Errorf("found, though it ended %v ago", q.asked.Sub(q.before.ended))
	case !q.before.ended.IsZero() && !finished:
		return fmt.Errorf("%s, though it had ended", r.Tracker.Phase)
	case finished && !q.after.stopping && !q.after.confirmable(q.told):
		return fmt.Errorf("finished, %s, though nothing ended it", r.Tracker.Status)
	case finished && q.before.due.IsZero() && r.Tracker.Status != bus.StatusStopped:
		return fmt.Errorf("finished, %s, not %s", r.Tracker.Status, bus.StatusStopped)
	}
	return nil
}

// String says how it stands.
func (e entry) String() string {
	if !e.ended.IsZero() {
		return fmt.Sprintf("it ended at %s after %d events", e.ended.Format(time.TimeOnly), e.events)
	}
	return fmt.Sprintf("%d events of it were seen", e.events)
}

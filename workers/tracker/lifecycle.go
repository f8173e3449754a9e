package tracker

import (
	"time"

	"trackerfleet/bus"
)

// Bounds on what a crash may put into records and events, in bytes.
const (
	maxReason = 1 << 10
	maxStack  = 4 << 10
	maxBy     = 256
)

// Crash is one end of a tracker's process that nobody asked for.
type Crash struct {
	At     time.Time // which tells it from others
	Reason string
	Stack  string // "" when it wasn't a panic
}

// Comeback is how a tracker's process runs again after a crash.
type Comeback struct {
	Crash
	Attempt     int           // restarts since it was last healthy, this one included
	Backoff     time.Duration // waited before it
	Incarnation uint64        // of the new process
}

// Owned returns r as (epoch, incarnation) writes it, r itself if nothing differs. It is how a new owner and a new
// incarnation sign; no other method but [Record.Restarted] touches the incarnation, and none the epoch.
func (r *Record) Owned(epoch, incarnation uint64) *Record {
	if r.epoch == epoch && r.incarnation == incarnation {
		return r
	}
	next := *r
	next.epoch, next.incarnation = epoch, incarnation
	return &next
}

// Expire ends the run with the event expired if its deadline has come, whatever the phase. Before the deadline, without
// one, and after the end it returns an empty Decision.
func (r *Record) Expire(now time.Time) Decision {
	if r.phase == finished || r.deadline == 0 || now.Before(r.deadline.time()) {
		return Decision{}
	}
	c := change{from: r, now: stampOf(now)}
	c.finish(expired, expiredData{LastStatus: r.Status()})
	return c.decision()
}

// Stop ends the run with the event stopped, whatever the phase. After the end it returns an empty Decision. By says who
// asked.
func (r *Record) Stop(now time.Time, reason, by string) Decision {
	if r.phase == finished {
		return Decision{}
	}
	c := change{from: r, now: stampOf(now)}
	c.finish(stopped, stoppedData{Reason: clip(reason, maxReason), By: clip(by, maxBy)})
	return c.decision()
}

// Crashed notes a crash whose restart has yet to come, without an event: the history survives a takeover during the
// backoff. It may be left out; [Record.Restarted] and [Record.Parked] note the crash too, once.
func (r *Record) Crashed(now time.Time, crash Crash) Decision {
	if r.phase != running || r.noted(crash) {
		return Decision{}
	}
	c := change{from: r, now: stampOf(now)}
	c.note(crash)
	c.checkpoint()
	return c.decision()
}

// Restarted says that the tracker runs again after a crash: event restarted. Next is signed with the new incarnation.
// Unless the tracker is running it returns an empty Decision.
func (r *Record) Restarted(now time.Time, back Comeback) Decision {
	if r.phase != running {
		return Decision{}
	}
	c := change{from: r, now: stampOf(now)}
	c.note(back.Crash)
	next := c.edit()
	kept := next.restOf()
	kept.restarts = max(kept.restarts, kept.restarts+1)
	next.rest = &kept
	next.incarnation = back.Incarnation
	c.emit(bus.EventRestarted, restartedData{
		Reason: clip(back.Reason, maxReason), Stack: clip(back.Stack, maxStack), Attempt: back.Attempt,
		Backoff: bus.Duration(back.Backoff), FromIncarnation: r.incarnation, ToIncarnation: back.Incarnation,
	})
	return c.decision()
}

// Parked says that the tracker crashed too often and is left alone until [Record.Resumed]: event parked. Since is the first
// of the crashes that were too many; the zero time means the oldest one kept. Unless the tracker is running it returns an
// empty Decision.
func (r *Record) Parked(now time.Time, crash Crash, since time.Time) Decision {
	if r.phase != running {
		return Decision{}
	}
	c := change{from: r, now: stampOf(now)}
	c.note(crash)
	next := c.edit()
	next.phase = parked
	first := stampOf(since)
	if crashes := next.trouble().crashes; since.IsZero() && len(crashes) > 0 {
		first = crashes[0]
	}
	c.emit(bus.EventParked, parkedData{Reason: clip(crash.Reason, maxReason), Restarts: next.Restarts(), Since: first})
	return c.decision()
}

// Resumed brings a parked tracker back with an empty crash history: event resumed. Unless the tracker is parked it returns
// an empty Decision.
func (r *Record) Resumed(now time.Time, by string) Decision {
	if r.phase != parked {
		return Decision{}
	}
	c := change{from: r, now: stampOf(now)}
	next := c.edit()
	next.phase = running
	if kept := r.restOf(); kept.trouble != nil {
		kept.trouble = &trouble{at: kept.trouble.at, message: kept.trouble.message}
		next.rest = &kept
	}
	c.emit(bus.EventResumed, resumedData{By: clip(by, maxBy)})
	return c.decision()
}

// noted reports whether crash is the newest one in the history.
func (r *Record) noted(crash Crash) bool {
	last := r.trouble()
	return last != nil && last.at != 0 && last.at == stampOf(crash.At) && last.message == clip(crash.Reason, maxReason)
}

// note adds crash to the history unless it is there.
func (c *change) note(crash Crash) {
	if c.record().noted(crash) {
		return
	}
	next := c.edit()
	at := stampOf(crash.At)
	if at == 0 {
		at = c.now
	}
	noted := trouble{at: at, message: clip(crash.Reason, maxReason)}
	kept := next.restOf()
	if kept.trouble != nil {
		before := kept.trouble.crashes
		noted.crashes = append(noted.crashes, before[max(0, len(before)-MaxCrashes+1):]...)
	}
	noted.crashes = append(noted.crashes, at)
	kept.trouble = &noted
	next.rest = &kept
}

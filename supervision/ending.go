package supervision

import (
	"errors"
	"slices"
	"time"
)

// end is the last act of a run. It returns the next one if that is for the same goroutine. A Process gets a new one every time: what
// it did to its thread, by runtime.LockOSThread, ends with it.
func (r *run) end() *run {
	c := r.child
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.run != r {
		c.sup.leaks.remove(r)
		c.sendLocked(Event{Kind: EventReturned, Incarnation: r.number})
		return nil
	}
	next := c.endLocked(r, r.reason)
	if next != nil && c.typ.Process != nil {
		go next.main()
		return nil
	}
	return next
}

// endLocked ends the incarnation of r: for good, or until its restart, which is for the caller to run if it is due now.
func (c *Child) endLocked(r *run, reason error) (next *run) {
	r.disarmLocked()
	c.run, c.server, c.busy = nil, nil, false
	gone := c.has().stop != nil || r.first || !c.restart.After(reason) || isIgnore(r, reason)
	owed := error(&CrashedError{ID: c.id, Incarnation: c.Incarnation(), Reason: reason})
	if onPurpose(reason) || errors.Is(reason, ErrKilled) {
		owed = ErrStopped
	}
	if r.serving != nil {
		r.serving.answer(nil, owed)
	}
	c.failDeferredLocked(owed)
	if gone {
		c.removeLocked(r, reason)
	} else {
		next = c.crashLocked(r, reason)
	}
	r.scope.cancel(reason)
	return next
}

// isIgnore reports whether a restart's Init said that there is to be no child any more.
func isIgnore(r *run, reason error) bool { return !r.inited && errors.Is(reason, ErrIgnore) }

// removeLocked ends the child for good. r is nil if it had no incarnation.
func (c *Child) removeLocked(r *run, reason error) {
	ignored := r != nil && r.first && errors.Is(reason, ErrIgnore)
	c.enterLocked(Stopped)
	c.sup.phases[Stopped].Add(-1) // not kept: ended children are not counted
	c.failWaitingLocked(ErrStopped)
	c.mailbox = nil
	had := c.has()
	if had.crashes != nil && had.crashes.timer != nil {
		had.crashes.timer.Stop()
	}
	c.sup.registry.Unregister(c.id, c)
	if had.stop != nil {
		had.stop.finish()
	}
	switch {
	case r != nil && r.first && !ignored:
		c.emitLocked(EventStartFailed, reason)
	case r != nil && !r.first:
		c.emitLocked(EventDown, reason)
	}
	if r == nil || !r.first {
		c.emitLocked(EventUnregistered, nil)
	}
	if r != nil {
		r.answerLocked(reason)
	}
	c.sup.release()
}

// crashLocked decides about the restart, and returns it if it is due now.
func (c *Child) crashLocked(r *run, reason error) *run {
	now := time.Now()
	k := c.crashesLocked()
	k.history = append(k.history, now)
	if extra := len(k.history) - memory(c.typ.Intensity); extra > 0 {
		k.history = slices.Delete(k.history, 0, extra)
	}
	crash := &Crash{Reason: reason, Stack: stackOf(reason), At: now, Incarnation: c.Incarnation()}
	crash.Attempt = c.typ.Backoff.Attempt(k.history)
	k.latest, k.turn = crash, false
	if c.typ.Intensity.Exceeded(k.history, now) {
		c.sendLocked(Event{Kind: EventDown, Reason: reason, Stack: crash.Stack, Attempt: crash.Attempt})
		c.enterLocked(Parked)
		c.failWaitingLocked(ErrParked)
		c.emitLocked(EventParked, reason)
		r.answerLocked(reason)
		return nil
	}
	crash.Delay = c.typ.Backoff.Delay(crash.Attempt, c.sup.config.Rand())
	if crash.Delay <= 0 {
		crash.Delay, k.turn = c.sup.budget.reserve(now), true
	}
	crash.NextTry = now.Add(crash.Delay)
	c.sendLocked(Event{Kind: EventDown, Reason: reason, Stack: crash.Stack, Attempt: crash.Attempt, Delay: crash.Delay})
	r.answerLocked(reason)
	c.enterLocked(BackingOff)
	if crash.Delay <= 0 {
		return c.startAgainLocked()
	}
	k.timer = time.AfterFunc(crash.Delay, c.retry)
	return nil
}

func (c *Child) crashesLocked() *crashes {
	a := c.affairsLocked()
	if a.crashes == nil {
		a.crashes = &crashes{}
	}
	return a.crashes
}

// retry runs when the backoff is over, and again when the restart budget has given the child its turn.
func (c *Child) retry() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.phaseIs(BackingOff) {
		return
	}
	k := c.affairs.crashes
	now := time.Now()
	if left := k.latest.NextTry.Sub(now); left > 0 {
		return // an older timer, which fired late
	}
	if !k.turn {
		k.turn = true
		if wait := c.sup.budget.reserve(now); wait > 0 {
			k.latest.Delay += wait
			k.latest.NextTry = now.Add(wait)
			k.timer = time.AfterFunc(wait, c.retry)
			return
		}
	}
	go c.startAgainLocked().main()
}

// startAgainLocked prepares the next incarnation, which the caller is to run.
func (c *Child) startAgainLocked() *run {
	k := c.crashesLocked()
	k.timer = nil
	k.restarts++
	c.incarnation.Add(1)
	c.enterLocked(Starting)
	r := c.newRunLocked()
	r.armLocked(c.typ.initTimeout(), ErrInitTimeout)
	return r
}

func (c *Child) restartedLocked() {
	e := Event{Kind: EventRestarted}
	if k := c.has().crashes; k != nil && k.latest != nil {
		e.Reason, e.Stack, e.Attempt, e.Delay = k.latest.Reason, k.latest.Stack, k.latest.Attempt, k.latest.Delay
	}
	c.sendLocked(e)
}

package workers

import (
	"context"
	"errors"
	"fmt"
	"time"

	"trackerfleet/bus"
	"trackerfleet/workers/tracker"
)

// inputs says which inputs a step takes.
type inputs bool

const (
	everything   inputs = true
	requestsOnly inputs = false // the source's wait for the server
)

// step decides on what waits until there is something to write, submits that, and returns; the end of the write leads to
// the next step. A decision that cannot be stored is an error, and so a crash. ctx bounds how long a full journal is
// waited for.
func (c *cell) step(ctx context.Context, what inputs) error {
	for {
		if what == everything {
			c.askWake()
		}
		in, ok := c.take(what)
		if !ok {
			return nil
		}
		again, err := c.advance(ctx, in)
		if err != nil || !again {
			return err
		}
	}
}

// askWake asks the source to wake the tracker as the committed record wants. Only the server does: a source that panics or hangs
// does it to one tracker then, and not to the journal.
func (c *cell) askWake() {
	c.mu.Lock()
	c.flags.set(woken, false) // what happens from now on wakes the server again
	ask, handle := c.flags.has(unasked), c.handle
	c.flags.set(unasked, false)
	c.mu.Unlock()
	if ask && handle != nil {
		handle.Wake(c.record.Load().Wake(c.policy))
	}
}

// take returns the next input, in turn for its decision, or false while a write is in flight or nothing waits.
func (c *cell) take(what inputs) (input, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.flags.has(ended) || c.hadLocked().writing {
		return input{}, false
	}
	if c.askedLocked() {
		c.occasion.writing = true
		return c.requestLocked(), true
	}
	if what == requestsOnly {
		return input{}, false
	}
	if on := c.occasion; on != nil && on.heard {
		if o, ok := on.inbox.Take(); ok {
			on.writing = true
			policy := c.policy
			return input{observed: true, decide: func(r *tracker.Record, now time.Time) tracker.Decision {
				return r.Observe(now, policy, o)
			}}, true
		}
		on.heard = false
		c.unpinLocked()
	}
	if c.hadLocked().awaited {
		c.part.worker.refreshes.decided(c)
	}
	c.idleLocked()
	return input{}, false
}

// advance decides on in, which take has returned, and submits what is to be written. It reports whether to go on with the
// next input at once.
func (c *cell) advance(ctx context.Context, in input) (again bool, err error) {
	decided := false
	defer func() {
		if !decided { // the state machine panicked: the supervisor's business, but not for those who wait
			c.release()
			in.finish(nil, bus.ErrCrashed)
		}
	}()
	from := c.record.Load()
	d := in.decide(from, time.Now())
	decided = true
	if d.Next == nil || !d.Durable {
		c.settle(in, d)
		return true, nil
	}
	epoch := c.part.epoch.Load()
	if epoch == 0 || c.part.worker.isFrozen() {
		c.stall(in)
		return false, nil
	}
	write, err := c.part.worker.transition(c.part.number, epoch, c.stored().revision, d)
	if err == nil {
		write.Done = func(r bus.Result) { c.complete(in, d, r) }
		err = c.part.worker.submit(ctx, write)
	}
	switch {
	case err == nil:
		return false, nil
	case errors.Is(err, bus.ErrFenced), errors.Is(err, bus.ErrClosed), ctx.Err() != nil:
		c.stall(in)
		return false, nil
	}
	c.release()
	in.finish(nil, err)
	return false, fmt.Errorf("workers: store transition of %s: %w", from.ID().Token(), err)
}

// writtenLocked ends the decision under way.
func (c *cell) writtenLocked() {
	if c.occasion != nil {
		c.occasion.writing = false
	}
	c.tellWrittenLocked()
}

func (c *cell) release() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.writtenLocked()
}

// settle ends an input that needs no write.
func (c *cell) settle(in input, d tracker.Decision) {
	c.mu.Lock()
	if d.Next != nil {
		c.record.Store(d.Next)
	}
	c.writtenLocked()
	record, handle := c.record.Load(), c.handle
	c.mu.Unlock()
	if in.observed && handle != nil {
		handle.Wake(d.Wake)
	}
	in.finish(record, nil)
}

// stall keeps an input that cannot be written now: the partition is not, or not yet again, owned here. The ownership loop
// wakes the cell when that may have changed, or ends it.
func (c *cell) stall(in input) {
	if c.putBack(in) {
		c.part.worker.stalled.add(c)
	}
}

// putBack makes an input the next one again, unless the cell has ended; then it is answered.
func (c *cell) putBack(in input) bool {
	c.mu.Lock()
	c.writtenLocked()
	record, ended := c.record.Load(), c.flags.has(ended)
	if !ended {
		c.askAgainLocked(in)
	}
	c.mu.Unlock()
	if ended {
		in.finish(record, errNotMine)
	}
	return !ended
}

// complete takes the result of a write; it runs on a goroutine of the journal.
func (c *cell) complete(in input, d tracker.Decision, r bus.Result) {
	var stale *bus.StaleError
	switch {
	case r.Err == nil:
		c.adopt(d.Next, r.Revision)
		c.part.worker.stats.published(d.Events)
		in.finish(d.Next, nil)
		c.wake()
	case errors.Is(r.Err, bus.ErrFenced), errors.Is(r.Err, bus.ErrClosed):
		c.stall(in)
	case errors.As(r.Err, &stale) && in.attempts < maxAttempts:
		in.attempts++
		c.overtaken(in, stale)
	default:
		c.release()
		in.finish(nil, r.Err)
		c.fail(fmt.Errorf("workers: store transition: %w", r.Err))
		c.wake() // for those behind, where no server crashes
	}
}

// adopt makes record what is committed. The caller wakes the server.
func (c *cell) adopt(record *tracker.Record, revision uint64) {
	c.mu.Lock()
	c.commitLocked(record, revision)
	c.flags.set(unasked, true)
	c.writtenLocked()
	c.tellChangedLocked()
	finished := record.Phase() == bus.PhaseFinished
	retire := finished && c.endLocked()
	c.mu.Unlock()
	if finished {
		c.part.noteFinished(record.ID())
	}
	if retire {
		c.part.worker.finished.add(c)
	}
}

// overtaken goes on from the record that was there instead of the one expected: one that a write whose outcome was
// unknown has left, or that an operator changed.
func (c *cell) overtaken(in input, stale *bus.StaleError) {
	if stale.Record == nil {
		c.mu.Lock()
		c.revision = 0 // deleted under us: write it anew
		c.mu.Unlock()
		c.putBack(in)
		c.wake()
		return
	}
	record, err := decode(stale.Record)
	if err != nil {
		c.release()
		in.finish(nil, err)
		c.fail(fmt.Errorf("workers: record was changed: %w", err))
		c.wake()
		return
	}
	c.mu.Lock()
	ended := c.flags.has(ended)
	if !ended {
		c.askAgainLocked(in) // before the decision under way ends: another would be taken first
	}
	c.mu.Unlock()
	c.adopt(record, stale.Record.Revision)
	if ended {
		in.finish(record, errNotMine)
		return
	}
	c.planDeadline(c.part.worker.clock.due(record.Deadline(), time.Now()))
	c.wake()
}

// fail crashes the server with err.
func (c *cell) fail(err error) {
	if child := c.child.Load(); child != nil {
		// A server that is not running has crashed already.
		_ = child.Exit(err)
	}
}

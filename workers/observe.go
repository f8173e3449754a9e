package workers

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime/debug"
	"time"

	"go.uber.org/zap"

	"trackerfleet/bus"
	"trackerfleet/supervision"
	"trackerfleet/workers/tracker"
)

// observeTracker follows the lives of trackers: what the log and the metrics should know, and the parked ones, which have
// no server to say so themselves.
func (w *Worker) observeTracker(e supervision.Event) {
	id := zap.String("transaction_id", e.Child.ID())
	switch e.Kind {
	case supervision.EventDown:
		if c := cellOf(e.Child); !c.over() {
			c.rest()
			c.stepAlone() // what was to be decided by the server that is gone need not wait for the next
			w.stats.crashed.Add(1)
			w.log.Warn("tracker crashed", id, zap.Uint64("incarnation", e.Incarnation), zap.Error(e.Reason),
				zap.Int("attempt", e.Attempt), zap.Duration("backoff", e.Delay))
		}
	case supervision.EventRestarted:
		w.stats.restarted.Add(1)
	case supervision.EventParked:
		w.stats.parked.Add(1)
		w.log.Error("tracker crashed too often and is parked", id, zap.Error(e.Reason))
		cellOf(e.Child).park(e.Child)
	case supervision.EventAbandoned:
		w.stats.abandoned.Add(1)
		w.log.Error("tracker does not return and is abandoned", id, zap.Error(e.Reason), zap.Stringer("stack", e.Stack))
	}
	if e.Missed > 0 {
		w.log.Error("supervision events were lost", zap.Uint64("missed", e.Missed))
		w.parkMissed()
	}
}

// parkMissed parks the trackers whose events were lost.
func (w *Worker) parkMissed() {
	for _, child := range w.names.All() {
		if child.Phase() == supervision.Parked {
			cellOf(child).rest()
			cellOf(child).park(child)
		}
	}
}

// over reports whether the tracker's end was decided.
func (c *cell) over() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.flags.has(ended)
}

// park has the record say that the tracker crashed too often.
func (c *cell) park(child *supervision.Child) {
	crash := child.LastCrash()
	if crash == nil {
		return
	}
	history := child.History()
	c.setAside()
	c.mu.Lock()
	parked := child.Phase() == supervision.Parked
	if parked { // otherwise it was brought back, and the next Init tells of what followed
		c.onLocked().crashSeen = crash.At
	}
	c.mu.Unlock()
	if !parked {
		return
	}
	c.ask(input{decide: func(r *tracker.Record, now time.Time) tracker.Decision {
		if last := r.LastError(); child.Phase() != supervision.Parked || last != nil && last.At.Equal(crash.At) {
			return tracker.Decision{} // was brought back, or has said so already
		}
		if r.Restart() == bus.RestartTemporary {
			return r.Stop(now, crash.Reason.Error(), "supervisor")
		}
		var since time.Time
		if len(history) > 0 {
			since = history[0]
		}
		return r.Parked(now, crashOf(crash), since)
	}})
}

// stepFor decides for a tracker whose server does not run. A panic of the state machine must not take the worker down. A server that
// runs after all has left alone, meanwhile, what the source has said.
func (w *Worker) stepFor(ctx context.Context, c *cell) {
	c.mu.Lock()
	c.flags.set(stepping, false) // what is asked from now on adds it again
	c.mu.Unlock()
	defer c.wakeForSource()
	defer func() {
		if r := recover(); r != nil {
			w.log.Error("tracker cannot decide", zap.String("transaction_id", c.record.Load().ID().String()),
				zap.Any("panic", r), zap.ByteString("stack", debug.Stack()))
			c.stepAlone() // those behind what is answered by now
		}
	}()
	if err := c.step(ctx, requestsOnly); err != nil {
		w.log.Error("tracker cannot decide", zap.Error(err))
		c.stepAlone()
	}
}

// expire asks a tracker whose deadline has passed to end, and ends it when its server hangs. That it has passed is known from the
// monotonic clock: a wall clock that was set back says otherwise.
func (w *Worker) expire(c *cell) {
	deadline := c.record.Load().Deadline()
	c.ask(input{decide: func(r *tracker.Record, now time.Time) tracker.Decision {
		if now.Before(deadline) {
			now = deadline
		}
		return r.Expire(now)
	}})
	time.AfterFunc(hungPause, c.stepAlone)
}

// observeSystem logs the lives of sources and loops.
func (w *Worker) observeSystem(e supervision.Event) {
	process := zap.String("process", e.Child.ID())
	switch e.Kind {
	case supervision.EventDown:
		closed := e.Child.Type() == closing && errors.Is(e.Reason, supervision.ErrNormal)
		if !w.draining.Load() && !closed {
			w.log.Error("crashed", process, zap.Error(e.Reason), zap.Duration("backoff", e.Delay), zap.Stringer("stack", e.Stack))
		}
	case supervision.EventAbandoned:
		w.log.Error("process does not return and is abandoned", process, zap.Error(e.Reason), zap.Stringer("stack", e.Stack))
	}
}

// loop is a function as a supervised process.
type loop func(context.Context) error

func (l loop) Run(ctx context.Context) error { return l(ctx) }

// loopPause is the longest pause before a loop that crashed runs again: after an outage it must not be what is waited for.
const loopPause = time.Second

// startLoop runs a source or a loop, restarted for ever.
func (w *Worker) startLoop(ctx context.Context, name string, run loop) error {
	_, err := w.system.StartChild(ctx, supervision.ChildSpec{
		ID: name, Restart: supervision.Permanent,
		Type: &supervision.ChildType{
			Name:      name,
			Process:   func(*supervision.Child) supervision.Process { return run },
			Intensity: supervision.Intensity{MaxRestarts: math.MaxInt32},
			Backoff:   supervision.Backoff{Cap: loopPause},
		},
	})
	if err != nil {
		return fmt.Errorf("workers: start %s: %w", name, err)
	}
	return nil
}

// stopLoops ends the sources and loops.
func (w *Worker) stopLoops(ctx context.Context) error { return w.system.Stop(ctx) }

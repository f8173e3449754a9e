package supervision

import (
	"context"
	"fmt"
	"time"
)

// stopRequest is the order to end for good; the first one counts, later ones wait for the same end.
type stopRequest struct {
	reason   error
	deadline time.Time // zero if there is none
	done     chan struct{}
	closed   bool
}

func (q *stopRequest) finish() {
	if !q.closed {
		q.closed = true
		close(q.done)
	}
}

// TerminateChild ends the child for good, in whatever phase it is, and returns once it has ended and its ID is free. Any
// number of calls make one Terminate. It fails with [ErrNotFound] if there is no such child, and with the cause of ctx if that
// ends the wait; the child ends nevertheless. Called with a context of the child's own handler it doesn't wait, and the child
// ends after the handler returned.
func (s *Supervisor) TerminateChild(ctx context.Context, id string) error {
	c, err := s.Lookup(id)
	if err != nil {
		return err
	}
	request := c.terminate()
	if request == nil {
		return ErrNotFound
	}
	if c.self(ctx) {
		return nil
	}
	select {
	case <-request.done:
		return nil
	default:
	}
	select {
	case <-request.done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("supervision: terminate %q: %w", id, context.Cause(ctx))
	}
}

// terminate returns nil if the child has ended already.
func (c *Child) terminate() *stopRequest {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.phaseIs(Stopped) {
		return nil
	}
	reason := error(ErrShutdown)
	if c.typ.Shutdown == Brutal {
		reason = ErrKilled
	}
	return c.stopLocked(reason, c.typ.Shutdown)
}

// stopLocked orders the end of a child that is not Stopped.
func (c *Child) stopLocked(reason error, shutdown Shutdown) *stopRequest {
	if stop := c.has().stop; stop != nil {
		return stop
	}
	q := &stopRequest{reason: reason, done: make(chan struct{})}
	c.affairsLocked().stop = q
	phase := c.Phase()
	if phase == BackingOff || phase == Parked {
		c.removeLocked(nil, reason)
		return q
	}
	c.enterLocked(Stopping)
	if shutdown == Brutal {
		c.killLocked()
		return q
	}
	if c.run != nil {
		c.run.scope.cancel(reason)
	}
	c.wakeLocked()
	grace := c.typ.grace()
	if grace > 0 {
		q.deadline = time.Now().Add(grace)
	}
	c.run.armLocked(grace, ErrShutdownTimeout)
	return q
}

// killLocked ends the incarnation without Terminate.
func (c *Child) killLocked() {
	r := c.run
	if c.busy {
		c.abandonLocked(r, ErrKilled, Stack{})
		return
	}
	if r == nil {
		r = c.newRunLocked()
	}
	c.endLocked(r, ErrKilled)
}

// Stop ends all children concurrently, each within its Shutdown, and waits until they have ended and the observer has seen it.
// StartChild fails from now on. It returns a [*StopError] if goroutines had to be abandoned, now or earlier, and still
// run, or if ctx ended the wait; the children end nevertheless. Stopping again waits for the same. A child that calls Stop
// with its handler's context is not waited for.
func (s *Supervisor) Stop(ctx context.Context) error {
	s.stopping.Store(true)
	s.noteEmpty()
	throttle := newThrottle()
	for c := range s.Children {
		if request := c.terminate(); request != nil {
			throttle.add(request)
		}
	}
	if own, ok := FromContext(ctx); ok && own.sup == s {
		return nil
	}
	select {
	case <-s.empty:
	case <-ctx.Done():
		return s.stopError(context.Cause(ctx))
	}
	if s.events != nil {
		select {
		case <-s.events.flushed():
		case <-ctx.Done():
			return s.stopError(context.Cause(ctx))
		}
	}
	return s.stopError(nil)
}

func (s *Supervisor) stopError(cause error) error {
	e := &StopError{Cause: cause, Abandoned: s.leaks.list()}
	if cause != nil {
		for c := range s.Children {
			e.Remaining = append(e.Remaining, c.id)
		}
	}
	if cause == nil && len(e.Abandoned) == 0 {
		return nil
	}
	return e
}

// throttle keeps the goroutines of children that end at once from piling up while Stop goes through a million of them, and
// leaves slow ones behind.
type throttle struct{ batch []*stopRequest }

const (
	throttleBatch = 1024
	throttleWait  = time.Millisecond
)

func newThrottle() *throttle { return &throttle{} }

func (t *throttle) add(q *stopRequest) {
	t.batch = append(t.batch, q)
	if len(t.batch) < throttleBatch {
		return
	}
	timer := time.NewTimer(throttleWait)
	defer timer.Stop()
	for _, q := range t.batch {
		select {
		case <-q.done:
			continue
		case <-timer.C:
		}
		break
	}
	t.batch = t.batch[:0]
}

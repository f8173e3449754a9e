package supervision

import (
	"context"
	"fmt"
)

// Resume revives a parked child: its history of crashes is forgotten and a new incarnation begins. It returns once its Init
// succeeded, or its error, with which the child goes on as after any crash. It fails with [ErrNotFound], [ErrNotParked],
// [ErrShutdown] after Stop, or the cause of ctx if that ends the wait; the child goes on nevertheless.
func (s *Supervisor) Resume(ctx context.Context, id string) error {
	c, err := s.Lookup(id)
	if err != nil {
		return err
	}
	w := s.waiter()
	r, err := c.resume(w)
	if err != nil {
		s.put(w)
		return err
	}
	select {
	case answer := <-w.replies:
		s.put(w)
		return answer.err
	case <-ctx.Done():
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if r.result == w {
		r.result = nil
		return fmt.Errorf("supervision: resume %q: %w", id, context.Cause(ctx))
	}
	return (<-w.replies).err
}

func (c *Child) resume(w *waiter) (*run, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.phaseIs(Stopped) || c.phaseIs(Stopping):
		return nil, ErrNotFound
	case !c.phaseIs(Parked):
		return nil, ErrNotParked
	case c.sup.stopping.Load():
		return nil, ErrShutdown
	}
	if k := c.has().crashes; k != nil {
		k.history = nil
	}
	c.emitLocked(EventResumed, nil)
	r := c.startAgainLocked()
	r.result = w
	go r.main()
	return r, nil
}

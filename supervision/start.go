package supervision

import (
	"context"
	"fmt"
	"slices"
)

// StartChild starts spec and returns once its first Init succeeded; a Process has none and is running then. It fails with
//
//   - an error that is [ErrInvalidSpec] and names every fault,
//   - an [*AlreadyStartedError] holding the child if the ID is taken, also when full or stopping,
//   - [ErrShutdown] after Stop, [ErrMaxChildren] at the limit,
//   - the error of Init, [ErrIgnore] being one; a [*PanicError], a [*GoexitError] or [ErrInitTimeout],
//   - [ErrStopped] if somebody stopped the child before it was started,
//   - the cause of ctx if that ended first; Init's own context is cancelled then, and Init waited for.
//
// Whenever it fails nothing is left: the ID is free before it returns.
func (s *Supervisor) StartChild(ctx context.Context, spec ChildSpec) (*Child, error) {
	if err := spec.validate(); err != nil {
		return nil, err
	}
	if existing, ok := s.registry.Lookup(spec.ID); ok {
		return nil, &AlreadyStartedError{existing}
	}
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("supervision: start %q: %w", spec.ID, context.Cause(ctx))
	}
	if s.stopping.Load() {
		return nil, ErrShutdown
	}
	if !s.reserve() {
		return nil, ErrMaxChildren
	}
	w := s.waiter()
	defer s.put(w)
	c, r, err := s.launch(&spec, w)
	if err != nil {
		s.release()
		return nil, err
	}
	if r == nil {
		return c, nil
	}
	if err := c.awaitInit(ctx, r, w); err != nil {
		return nil, err
	}
	return c, nil
}

// launch registers the child and starts its first run, if it is to have one.
func (s *Supervisor) launch(spec *ChildSpec, w *waiter) (*Child, *run, error) {
	c := &Child{sup: s, typ: spec.Type, id: spec.ID, arg: spec.Arg, restart: spec.Restart}
	c.incarnation.Store(max(spec.Incarnation, 1))
	if len(spec.History) > 0 {
		c.affairs = &affairs{crashes: &crashes{history: slices.Clone(spec.History)}}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if existing, ok := s.registry.Register(spec.ID, c); !ok {
		return nil, nil, &AlreadyStartedError{existing}
	}
	if s.stopping.Load() {
		c.phase.Store(uint32(Stopped))
		s.registry.Unregister(spec.ID, c)
		return nil, nil, ErrShutdown
	}
	if spec.Parked {
		c.phase.Store(uint32(Parked))
		s.phases[Parked].Add(1)
		c.emitLocked(EventRegistered, nil)
		return c, nil, nil
	}
	s.phases[Starting].Add(1)
	r := c.newRunLocked()
	r.first = true
	r.result = w
	go r.main()
	return c, r, nil
}

// awaitInit waits for the first Init. When ctx ends the child is stopped, which ends the wait too.
func (c *Child) awaitInit(ctx context.Context, r *run, w *waiter) error {
	expired := w.after(c.typ.initTimeout())
	done := ctx.Done()
	for {
		select {
		case answer := <-w.replies:
			return c.startError(ctx, answer.err)
		case <-done:
			done = nil
			c.mu.Lock()
			if r.first && c.run == r {
				c.stopLocked(context.Cause(ctx), Shutdown(c.typ.grace()))
			}
			c.mu.Unlock()
		case <-expired:
			r.expire(ErrInitTimeout)
		}
	}
}

// startError turns the reason of an end by order into what the starter is to be told.
func (c *Child) startError(ctx context.Context, err error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch stop := c.has().stop; {
	case err == nil || stop == nil || err != stop.reason:
		return err
	case ctx.Err() != nil && err == context.Cause(ctx):
		return fmt.Errorf("supervision: start %q: %w", c.id, err)
	case c.sup.stopping.Load():
		return ErrShutdown
	}
	return ErrStopped
}

package supervision

import (
	"context"
	"sync"
	"time"
)

// scope is the context of one incarnation, or of its Terminate. It costs a real context, and a timer for its deadline, only once
// somebody asks for Done.
type scope struct {
	child    *Child
	deadline time.Time // zero if there is none

	mu    sync.Mutex
	cause error
	inner context.Context
	stop  func(cause error)
}

type childKey struct{}

// FromContext returns the child whose Init, handler, Run or Terminate was given ctx.
func FromContext(ctx context.Context) (*Child, bool) {
	c, ok := ctx.Value(childKey{}).(*Child)
	return c, ok
}

func (s *scope) Deadline() (time.Time, bool) { return s.deadline, !s.deadline.IsZero() }

func (s *scope) Done() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.makeLocked()
	return s.inner.Done()
}

func (s *scope) Err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.inner != nil:
		return s.inner.Err()
	case s.cause != nil:
		return context.Canceled
	case !s.deadline.IsZero() && !time.Now().Before(s.deadline):
		return context.DeadlineExceeded
	}
	return nil
}

// Value passes on to the real context, by which package context finds its parent, and Cause the cause.
func (s *scope) Value(key any) any {
	if key == (childKey{}) {
		return s.child
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.inner == nil {
		if s.cause == nil {
			return nil
		}
		s.makeLocked()
	}
	return s.inner.Value(key)
}

func (s *scope) makeLocked() {
	if s.inner != nil {
		return
	}
	parent, release := context.Background(), func() {}
	if !s.deadline.IsZero() {
		parent, release = context.WithDeadline(parent, s.deadline)
	}
	inner, stop := context.WithCancelCause(parent)
	s.inner, s.stop = inner, func(cause error) { stop(cause); release() }
	if s.cause != nil {
		s.stop(s.cause)
	}
}

// cancel ends the scope; the first cause stays.
func (s *scope) cancel(cause error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cause != nil {
		return
	}
	s.cause = cause
	if s.stop != nil {
		s.stop(cause)
	}
}

// used reports whether somebody may be waiting for its end.
func (s *scope) used() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.inner != nil
}

func (s *scope) ended() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cause
}

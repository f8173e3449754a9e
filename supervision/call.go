package supervision

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"
)

// Call is a request that a Server answers. It may be kept and answered later, by any goroutine.
type Call struct {
	// Message is what the caller sent.
	Message any

	child  *Child
	waiter *waiter
	state  atomic.Uint32
	linked atomic.Bool

	prev, next *Call // in child.affairs.deferred, guarded by its mu
}

const (
	callWaiting uint32 = iota
	callAnswered
	callLeft
)

type reply struct {
	value any
	err   error
}

// waiter is what somebody waits with, reused by the next.
type waiter struct {
	replies chan reply // capacity 1: who answers must not wait; at most one answer is sent
	timer   *time.Timer
}

func (s *Supervisor) waiter() *waiter {
	if w, ok := s.waiters.Get().(*waiter); ok {
		return w
	}
	return &waiter{replies: make(chan reply, 1)}
}

// after is a channel that is ready after d, never for 0 or less.
func (w *waiter) after(d time.Duration) <-chan time.Time {
	if d <= 0 {
		return nil
	}
	if w.timer == nil {
		w.timer = time.NewTimer(d)
	} else {
		w.timer.Reset(d)
	}
	return w.timer.C
}

// put gives the waiter back. Nobody may send on it any more and nothing may be left in it.
func (s *Supervisor) put(w *waiter) {
	if w.timer != nil {
		w.timer.Stop()
	}
	s.waiters.Put(w)
}

// Call sends msg to HandleCall and waits for the reply. While the child starts or backs off the call waits too. Errors beside
// those the server replies:
//
//   - [ErrStopped] if the child has ended, or ends, for good before it replied,
//   - a [*CrashedError], which is an [ErrCrashed], if it crashed after it had begun to serve this call,
//   - [ErrTimeout], with the cause of ctx, when ctx or Config.CallTimeout ended the wait,
//   - [ErrCallingSelf] if ctx is one that the child's own handler was given, or comes from it,
//   - [ErrParked], [ErrOverloaded], [ErrNoMailbox] if it cannot serve.
//
// A call whose caller has left before it was served is not served at all.
func (c *Child) Call(ctx context.Context, msg any) (any, error) {
	if c.self(ctx) {
		return nil, ErrCallingSelf
	}
	w := c.sup.waiter()
	defer c.sup.put(w)
	call := &Call{Message: msg, child: c, waiter: w}
	if err := c.deliver(message{opCall, call}); err != nil {
		return nil, err
	}
	var expired <-chan time.Time
	if _, ok := ctx.Deadline(); !ok {
		expired = w.after(c.sup.config.CallTimeout)
	}
	select {
	case r := <-w.replies:
		return r.value, r.err
	case <-ctx.Done():
		return call.leave(context.Cause(ctx))
	case <-expired:
		return call.leave(context.DeadlineExceeded)
	}
}

// leave gives the reply if there is one by now.
func (call *Call) leave(cause error) (any, error) {
	if call.state.CompareAndSwap(callWaiting, callLeft) {
		call.unlink()
		return nil, fmt.Errorf("%w: %q: %w", ErrTimeout, call.child.id, cause)
	}
	r := <-call.waiter.replies
	return r.value, r.err
}

// Reply answers the call, from any goroutine, and reports whether the caller gets this answer: the first one counts, unless
// the caller has left or the incarnation that was to answer has ended.
func (call *Call) Reply(value any, err error) bool {
	if !call.answer(value, err) {
		return false
	}
	call.unlink()
	return true
}

// answer leaves the call where it is linked, so that it may be used with mu held.
func (call *Call) answer(value any, err error) bool {
	if !call.state.CompareAndSwap(callWaiting, callAnswered) {
		return false
	}
	call.waiter.replies <- reply{value, err}
	return true
}

func (call *Call) waiting() bool { return call.state.Load() == callWaiting }

// unlink drops the call from the deferred ones. The flag spares calls that never were the lock.
func (call *Call) unlink() {
	if !call.linked.Load() {
		return
	}
	call.child.mu.Lock()
	defer call.child.mu.Unlock()
	call.unlinkLocked()
}

func (call *Call) unlinkLocked() {
	c := call.child
	if call.prev == nil && call.next == nil && c.has().deferred != call {
		return
	}
	if call.prev != nil {
		call.prev.next = call.next
	} else {
		c.affairs.deferred = call.next
	}
	if call.next != nil {
		call.next.prev = call.prev
	}
	call.prev, call.next = nil, nil
}

// keepLocked remembers a call whose handler has returned without a reply, for the end of the incarnation.
func (call *Call) keepLocked() {
	c := call.child
	call.linked.Store(true)
	a := c.affairsLocked()
	call.next = a.deferred
	if a.deferred != nil {
		a.deferred.prev = call
	}
	a.deferred = call
	if !call.waiting() {
		call.unlinkLocked()
	}
}

// failDeferredLocked answers the calls that the ended incarnation still owes.
func (c *Child) failDeferredLocked(err error) {
	for call := c.has().deferred; call != nil; call = c.has().deferred {
		call.unlinkLocked()
		call.answer(nil, err)
	}
}

// failWaitingLocked answers the calls in the mailbox and leaves the other messages in it.
func (c *Child) failWaitingLocked(err error) {
	if c.mailbox == nil {
		return
	}
	for _, msg := range c.mailbox.messages[c.mailbox.head:] {
		if call := msg.call(); call != nil {
			call.answer(nil, err)
		}
	}
	c.mailbox.dropLeft()
}

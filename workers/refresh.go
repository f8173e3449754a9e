package workers

import (
	"context"
	"sync"
	"time"

	"trackerfleet/bus"
)

// How long an answer to a refresh waits for the source: answerMargin less than the caller does, or three quarters of that if it is
// less; and refreshWait where the caller does not say how long it waits, so that the impatient among the clients get their answer.
const (
	answerMargin = time.Second
	refreshWait  = 400 * time.Millisecond
)

// refreshShare is the part of all requests that may wait for sources: a source in trouble must not take the room of the others. Those
// beyond it are answered at once.
const refreshShare = 4

// refreshes is who waits for what a source says of a tracker that it was asked for again. Its mutex comes after those of cells.
type refreshes struct {
	mu      sync.Mutex
	waiting map[*cell][]*refresh
	n       int // not ended yet
}

// refresh is one who waits.
type refresh struct {
	cell *cell
	seen bool          // the source has said something since
	full bool          // too many wait already
	done chan struct{} // closed when all that it has said is decided and stored, or nothing will be any more
}

// begin has the caller wait for what the source says of c from now on, if fewer than limit do already. It ends with end.
func (f *refreshes) begin(c *cell, limit int) *refresh {
	r := &refresh{cell: c, done: make(chan struct{})}
	c.mu.Lock()
	defer c.mu.Unlock()
	f.mu.Lock()
	defer f.mu.Unlock()
	r.full = f.n >= limit
	f.n++
	if f.waiting == nil {
		f.waiting = make(map[*cell][]*refresh)
	}
	f.waiting[c] = append(f.waiting[c], r)
	c.onLocked().awaited = true
	return r
}

// end forgets r.
func (f *refreshes) end(r *refresh) {
	c := r.cell
	c.mu.Lock()
	defer c.mu.Unlock()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.n--
	f.keepLocked(c, func(other *refresh) bool { return other != r })
	c.idleLocked()
}

// seen notes that the source has said something of c, whose mutex is held.
func (f *refreshes) seen(c *cell) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, r := range f.waiting[c] {
		r.seen = true
	}
}

// decided tells those who wait that all that the source has said of c is decided. The mutex of c is held.
func (f *refreshes) decided(c *cell) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.keepLocked(c, func(r *refresh) bool {
		if r.seen {
			close(r.done)
		}
		return !r.seen
	})
}

// over tells those who wait that nothing more is decided of c, whose mutex is held.
func (f *refreshes) over(c *cell) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.keepLocked(c, func(r *refresh) bool {
		close(r.done)
		return false
	})
}

// keepLocked drops those who wait for c and are not to be kept.
func (f *refreshes) keepLocked(c *cell, keep func(*refresh) bool) {
	var kept []*refresh
	for _, r := range f.waiting[c] {
		if keep(r) {
			kept = append(kept, r)
		}
	}
	if f.waiting[c] = kept; len(kept) == 0 {
		delete(f.waiting, c)
		if c.occasion != nil {
			c.occasion.awaited = false
		}
	}
}

// answered waits until the source has answered and that is decided, not longer than the caller waits, and reports whether it has.
func (r *refresh) answered(ctx context.Context, q request) bool {
	wait := refreshWait
	if deadline, ok := ctx.Deadline(); ok && q.header.Get(bus.HeaderTimeoutMS) != "" {
		left := time.Until(deadline)
		wait = left - min(answerMargin, left/4)
	}
	if r.full {
		wait = 0
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-r.done:
		return r.seen
	case <-timer.C:
	case <-ctx.Done():
	}
	return false
}

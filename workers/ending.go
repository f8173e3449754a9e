package workers

import (
	"context"

	"trackerfleet/workers/source"
)

// end stops all deciding, because the partition is not owned here any more, and answers everybody who waits. It reports whether
// the caller is to have the tracker retired.
func (c *cell) end() (retire bool) {
	c.mu.Lock()
	requests := c.requestsLocked()
	retire = c.endLocked()
	record := c.record.Load()
	c.mu.Unlock()
	for _, in := range requests {
		in.finish(record, errNotMine)
	}
	return retire
}

// endLocked reports whether the caller is to have the tracker retired: once, and not while its child is being started.
func (c *cell) endLocked() (retire bool) {
	if c.flags.has(ended) {
		return false
	}
	c.flags.set(ended, true)
	if on := c.occasion; on != nil {
		on.inbox, on.heard = source.Inbox{}, false
	}
	c.unpinLocked()
	c.restLocked()
	if c.hadLocked().awaited {
		c.part.worker.refreshes.over(c)
	}
	if c.flags.has(aside) {
		c.flags.set(aside, false)
		c.part.holdBack(-1)
	}
	c.tellChangedLocked()
	return !c.flags.has(starting)
}

// started says that the child was started, and reports whether the caller is to have the tracker retired, as it has ended meanwhile.
func (c *cell) started() (retire bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.flags.set(starting, false)
	return c.flags.has(ended)
}

// close takes a cell that has ended out of the deadlines, and answers those who asked too late.
func (c *cell) close() {
	c.part.worker.deadlines.remove(c)
	c.mu.Lock()
	requests := c.requestsLocked()
	record := c.record.Load()
	c.mu.Unlock()
	for _, in := range requests {
		in.finish(record, errNotMine)
	}
}

// detach takes the watch from a cell that has ended, for the caller to close.
func (c *cell) detach() source.Handle {
	c.mu.Lock()
	defer c.mu.Unlock()
	handle := c.handle
	c.handle = nil
	return handle
}

// freed tells those who wait that the name is free.
func (c *cell) freed() {
	c.mu.Lock()
	defer c.mu.Unlock()
	gone := c.goneLocked()
	select {
	case <-gone:
	default:
		close(gone)
	}
}

// whenGone returns a channel that is closed when the name is free.
func (c *cell) whenGone() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.goneLocked()
}

// isGone reports whether the name is free.
func (c *cell) isGone() bool {
	select {
	case <-c.whenGone():
		return true
	default:
		return false
	}
}

// awaitGone returns when the name is free. It fails with the cause of ctx.
func (c *cell) awaitGone(ctx context.Context) error {
	select {
	case <-c.whenGone():
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// whenChanged returns a channel that is closed at the next commit or the end.
func (c *cell) whenChanged() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	o := c.onLocked()
	if o.changed == nil {
		o.changed = make(chan struct{})
		if c.flags.has(ended) {
			close(o.changed)
		}
	}
	return o.changed
}

// settled waits until the write that is in flight now has ended, so that what it left is committed here too: who has seen
// its event must not be told of the record before. It fails with the cause of ctx.
func (c *cell) settled(ctx context.Context) error {
	written := c.inFlight()
	if written == nil {
		return nil
	}
	select {
	case <-written:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// inFlight returns a channel that is closed when the write in flight has ended, nil if there is none.
func (c *cell) inFlight() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.hadLocked().writing {
		return nil
	}
	o := c.onLocked()
	if o.written == nil {
		o.written = make(chan struct{})
	}
	return o.written
}

package workers

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"trackerfleet/bus"
	"trackerfleet/supervision"
	"trackerfleet/workers/source"
	"trackerfleet/workers/tracker"
)

// cell is what stays of one tracker over restarts of its server: the committed record, what waits to be decided, and the
// one write in flight. Decisions are made one at a time, each from the record that the one before left.
type cell struct {
	worker  *Worker
	part    *partition
	profile *profile
	target  source.Target

	child     atomic.Pointer[supervision.Child] // set before the child's first Init
	committed atomic.Pointer[commit]

	deadlineIndex int // belongs to worker.deadlines

	mu        sync.Mutex
	record    *tracker.Record // the committed one, or one that differs from it in what is not durable
	handle    source.Handle   // nil until the first Init
	inbox     *source.Inbox   // nil when empty
	requests  []input         // asked by others than the source; before the inbox
	writing   bool
	woken     bool // a wake is in the mailbox
	ended     bool // decides nothing any more: the run has finished or the partition is not owned here
	pinned    bool // holds pin in the profile's watermark
	pin       uint64
	crashSeen time.Time     // of the newest crash that is in the record or about to be
	changed   chan struct{} // closed at the next commit and at the end; nil when nobody waits
	gone      chan struct{} // closed when the name is free; nil when nobody waits
}

// commit is a record as it is stored.
type commit struct {
	record   *tracker.Record
	revision uint64
}

// input is something to decide on.
type input struct {
	decide   func(r *tracker.Record, now time.Time) tracker.Decision
	done     func(r *tracker.Record, err error) // nil: nobody waits. Must not block
	observed bool                               // came from the source
	attempts int                                // how often its write lost to a record that should not have been there
}

// maxAttempts is how often an input is decided anew because somebody else had written the record.
const maxAttempts = 3

// Observe takes an observation from the source. It never blocks.
func (c *cell) Observe(o source.Observation) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended {
		return
	}
	if c.inbox == nil {
		c.inbox = new(source.Inbox)
	}
	c.inbox.Put(o)
	if !c.pinned {
		c.pinned, c.pin = true, lowestHeight(o)
		c.profile.mark.begin(c.pin)
	}
	c.wakeLocked()
}

// lowestHeight is from where a replay would come upon o again.
func lowestHeight(o source.Observation) uint64 {
	height := o.Head
	for _, in := range []*source.Inclusion{o.Inclusion, o.From} {
		if in != nil {
			height = min(height, in.Block.Number)
		}
	}
	return height
}

// ask queues a request of somebody else than the source and sees to it that it is decided, whatever phase the tracker is
// in. done is called exactly once.
func (c *cell) ask(in input) {
	c.mu.Lock()
	if c.ended {
		c.mu.Unlock()
		in.finish(c.committed.Load().record, errNotMine)
		return
	}
	c.requests = append(c.requests, in)
	c.mu.Unlock()
	c.wake()
}

func (in input) finish(r *tracker.Record, err error) {
	if in.done != nil {
		in.done(r, err)
	}
}

func (c *cell) wake() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wakeLocked()
}

// wakeLocked has step run soon: by the server when it runs, so that a panic is its own; otherwise, if a request cannot wait
// for it, by the worker.
func (c *cell) wakeLocked() {
	child := c.child.Load()
	if child == nil {
		return
	}
	if phase := child.Phase(); phase != supervision.Running && phase != supervision.Starting {
		if len(c.requests) > 0 {
			c.worker.stepping.add(c)
		}
		return
	}
	if c.woken {
		return
	}
	if err := child.Info(wake{}); err == nil {
		c.woken = true
	} else if len(c.requests) > 0 {
		c.worker.stepping.add(c)
	}
}

// wake is the only message that a cell sends to its server: look at what there is.
type wake struct{}

// step decides on what waits until there is something to write, submits that, and returns; the end of the write leads to
// the next step. A decision that cannot be stored is an error, and so a crash. ctx bounds how long a full journal is
// waited for.
func (c *cell) step(ctx context.Context) error {
	for {
		in, ok := c.take()
		if !ok {
			return nil
		}
		again, err := c.advance(ctx, in)
		if err != nil || !again {
			return err
		}
	}
}

// take returns the next input, in turn for its decision, or false while a write is in flight or nothing waits.
func (c *cell) take() (input, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.woken = false
	if c.ended || c.writing {
		return input{}, false
	}
	if len(c.requests) > 0 {
		in := c.requests[0]
		if c.requests = c.requests[1:]; len(c.requests) == 0 {
			c.requests = nil
		}
		c.writing = true
		return in, true
	}
	if c.inbox != nil {
		if o, ok := c.inbox.Take(); ok {
			c.writing = true
			policy := c.target.Policy
			return input{observed: true, decide: func(r *tracker.Record, now time.Time) tracker.Decision {
				return r.Observe(now, policy, o)
			}}, true
		}
		c.inbox = nil
	}
	c.unpinLocked()
	return input{}, false
}

func (c *cell) unpinLocked() {
	if c.pinned {
		c.pinned = false
		c.profile.mark.settle(c.pin)
	}
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
	from := c.current()
	d := in.decide(from, time.Now())
	decided = true
	if d.Next == nil || !d.Durable {
		c.settle(in, d)
		return true, nil
	}
	base := c.committed.Load()
	epoch := c.part.epoch.Load()
	write, err := c.worker.transition(c.part.number, epoch, base.revision, d)
	if err == nil {
		write.Done = func(r bus.Result) { c.complete(in, d, epoch, r) }
		err = c.worker.journal.Submit(ctx, write)
	}
	switch {
	case err == nil:
		return false, nil
	case errors.Is(err, bus.ErrFenced), errors.Is(err, bus.ErrClosed), ctx.Err() != nil:
		c.putBack(in)
		return false, nil
	}
	c.release()
	in.finish(nil, err)
	return false, fmt.Errorf("workers: store transition of %s: %w", from.ID().Token(), err)
}

func (c *cell) current() *tracker.Record {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.record
}

func (c *cell) release() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.writing = false
}

// settle ends an input that needs no write.
func (c *cell) settle(in input, d tracker.Decision) {
	c.mu.Lock()
	if d.Next != nil {
		c.record = d.Next
	}
	c.writing = false
	record, handle := c.record, c.handle
	c.mu.Unlock()
	if in.observed && handle != nil {
		handle.Wake(d.Wake)
	}
	in.finish(record, nil)
}

// putBack keeps an input whose write did not happen because the partition is not, or not yet again, owned here. A new
// claim wakes the cell; a lost partition ends it.
func (c *cell) putBack(in input) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.writing = false
	if c.ended {
		record := c.record
		go in.finish(record, errNotMine)
		return
	}
	c.requests = append([]input{in}, c.requests...)
}

// complete takes the result of a write; it runs on a goroutine of the journal.
func (c *cell) complete(in input, d tracker.Decision, epoch uint64, r bus.Result) {
	var stale *bus.StaleError
	switch {
	case r.Err == nil:
		c.adopt(d.Next, r.Revision)
		c.worker.stats.published(d.Events)
		in.finish(d.Next, nil)
		c.wake()
	case errors.Is(r.Err, bus.ErrFenced):
		c.putBack(in)
		if c.part.epoch.Load() > epoch {
			c.wake()
		}
	case errors.Is(r.Err, bus.ErrClosed):
		c.putBack(in)
	case errors.As(r.Err, &stale) && in.attempts < maxAttempts:
		in.attempts++
		c.overtaken(in, stale)
	default:
		c.release()
		in.finish(nil, r.Err)
		c.fail(fmt.Errorf("workers: store transition: %w", r.Err))
	}
}

// adopt makes record what is committed.
func (c *cell) adopt(record *tracker.Record, revision uint64) {
	c.committed.Store(&commit{record: record, revision: revision})
	c.mu.Lock()
	c.record, c.writing = record, false
	handle := c.handle
	if c.changed != nil {
		close(c.changed)
		c.changed = nil
	}
	finished := record.Phase() == bus.PhaseFinished
	if finished {
		c.endLocked()
	}
	c.mu.Unlock()
	if finished {
		c.worker.finished.add(c)
		return
	}
	if handle != nil {
		handle.Wake(record.Wake(c.target.Policy))
	}
}

// overtaken goes on from the record that was there instead of the one expected: one that a write whose outcome was
// unknown has left, or that an operator changed.
func (c *cell) overtaken(in input, stale *bus.StaleError) {
	if stale.Record == nil {
		c.committed.Store(&commit{record: c.committed.Load().record}) // deleted under us: write it anew
	} else {
		record, err := tracker.Decode(stale.Record.Data)
		if err != nil {
			c.release()
			in.finish(nil, err)
			c.fail(fmt.Errorf("workers: record was changed: %w", err))
			return
		}
		c.adopt(record, stale.Record.Revision)
	}
	c.putBack(in)
	c.wake()
}

// fail crashes the server with err.
func (c *cell) fail(err error) {
	if child := c.child.Load(); child != nil {
		// A server that is not running has crashed already.
		_ = child.Exit(err)
	}
}

// end stops all deciding, because the partition is not owned here any more, and answers everybody who waits.
func (c *cell) end() {
	c.mu.Lock()
	requests := c.requests
	c.endLocked()
	record := c.record
	c.mu.Unlock()
	for _, in := range requests {
		in.finish(record, errNotMine)
	}
}

func (c *cell) endLocked() {
	if c.ended {
		return
	}
	c.ended = true
	c.inbox = nil
	c.unpinLocked()
	if c.changed != nil {
		close(c.changed)
		c.changed = nil
	}
}

// close takes the cell out of the source and the deadlines. Nothing reaches it afterwards.
func (c *cell) close() {
	c.mu.Lock()
	handle := c.handle
	c.handle = nil
	requests := c.requests
	c.requests = nil
	record := c.record
	c.mu.Unlock()
	if handle != nil {
		handle.Close()
	}
	c.worker.deadlines.remove(c)
	for _, in := range requests {
		in.finish(record, errNotMine)
	}
}

// freed tells those who wait that the name is free.
func (c *cell) freed() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.gone == nil {
		c.gone = make(chan struct{})
	}
	select {
	case <-c.gone:
	default:
		close(c.gone)
	}
}

// whenGone returns a channel that is closed when the name is free.
func (c *cell) whenGone() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.gone == nil {
		c.gone = make(chan struct{})
	}
	return c.gone
}

// whenChanged returns a channel that is closed at the next commit or the end.
func (c *cell) whenChanged() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.changed == nil {
		c.changed = make(chan struct{})
		if c.ended {
			close(c.changed)
		}
	}
	return c.changed
}

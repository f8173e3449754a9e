package bus

import (
	"context"
	"fmt"
	"slices"
	"sync"
)

// lane is one queue of writes with one batch in flight.
type lane struct {
	journal *Journal
	slots   chan struct{} // one for each write from Submit to Done; full is backpressure
	arrived chan struct{} // the queue may have become non-empty, or enough for a full batch
	refuse  chan struct{} // an epoch was revoked

	mu       sync.Mutex
	stopped  bool
	queue    []*item
	messages int                 // of the queue
	bytes    int                 // of the queue
	sequence uint64              // of the last item submitted
	pending  map[int]int         // writes not done, by partition
	flushes  map[int][]*flushing // by partition

	written map[string]struct{} // what take has taken: records
	seen    map[int]struct{}    // and partitions
}

// flushing waits for the writes of one partition up to a sequence.
type flushing struct {
	sequence uint64
	left     int
	done     chan struct{}
}

func newLane(j *Journal) *lane {
	return &lane{
		journal: j,
		slots:   make(chan struct{}, j.cfg.QueueWrites),
		arrived: make(chan struct{}, 1),
		refuse:  make(chan struct{}, 1),
		pending: make(map[int]int),
		flushes: make(map[int][]*flushing),
		written: make(map[string]struct{}),
		seen:    make(map[int]struct{}),
	}
}

func (l *lane) submit(ctx context.Context, it *item) error {
	select {
	case <-l.journal.closed:
		return ErrClosed
	default:
	}
	if err := l.enter(ctx); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.stopped {
		<-l.slots
		return ErrClosed
	}
	// Revoke looks through the queue only once: what it could not see must be refused here.
	if l.journal.revoked(it.Partition, it.Epoch) {
		<-l.slots
		return &FencedError{it.Partition, it.Epoch}
	}
	l.sequence++
	it.sequence = l.sequence
	l.pending[it.Partition]++
	full := l.fullLocked()
	l.queue = append(l.queue, it)
	l.messages, l.bytes = l.messages+it.messages(), l.bytes+it.bytes
	if len(l.queue) == 1 || !full && l.fullLocked() {
		notify(l.arrived, struct{}{})
	}
	return nil
}

// enter takes a place in the lane. ctx is asked for its channel only when there is none: some contexts make it when asked,
// and keep it for as long as they live.
func (l *lane) enter(ctx context.Context) error {
	select {
	case l.slots <- struct{}{}:
		return nil
	default:
	}
	select {
	case l.slots <- struct{}{}:
		return nil
	case <-l.journal.closed:
		return ErrClosed
	case <-ctx.Done():
		return fmt.Errorf("bus: submit to the journal: %w", context.Cause(ctx))
	}
}

// run commits batch after batch until ctx is done.
func (l *lane) run(ctx context.Context) {
	for l.await(ctx) {
		l.commit(ctx, l.take())
	}
}

// enoughBatches is how many batches keep a stream busy: it works on one while another is on its way.
const enoughBatches = 2

// await waits until a batch is to be committed; it returns false when ctx is done. What would not fill a batch is left to grow while
// the stream has enough to do, but not for longer than until it is done with one: each batch costs the server two files and two syncs.
func (l *lane) await(ctx context.Context) bool {
	for waited := false; ; {
		var ended <-chan struct{}
		switch some, full := l.stock(); {
		case full, some && waited:
			return ctx.Err() == nil
		case some:
			if ended = l.journal.open.crowded(enoughBatches); ended == nil {
				return ctx.Err() == nil
			}
		}
		select {
		case <-l.arrived:
		case <-ended:
			waited = true
		case <-ctx.Done():
			return false
		}
	}
}

// stock returns whether there is something to write, and whether it fills a batch.
func (l *lane) stock() (some, full bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.queue) > 0, l.fullLocked()
}

func (l *lane) fullLocked() bool {
	return l.messages >= l.journal.cfg.MaxBatchMessages || l.bytes >= l.journal.cfg.MaxBatchBytes
}

// take removes the next batch from the queue. A batch writes a record only once, because the stream takes no condition on
// a subject that the same batch wrote before; such writes stay in the queue, in order.
func (l *lane) take() []*item {
	l.mu.Lock()
	defer l.mu.Unlock()
	cfg := &l.journal.cfg
	var (
		batch           []*item
		held            []*item
		messages, bytes int
		taken           int
	)
	clear(l.written)
	clear(l.seen)
	for _, it := range l.queue {
		n := it.messages()
		if _, ok := l.seen[it.Partition]; !ok && !it.carriesFence() {
			n++ // a fence beside it
		}
		if len(batch) > 0 && (messages+n > cfg.MaxBatchMessages || bytes+it.bytes > cfg.MaxBatchBytes) {
			break
		}
		taken++
		if _, twice := l.written[it.State.Subject]; twice {
			held = append(held, it)
			continue
		}
		l.written[it.State.Subject] = struct{}{}
		l.seen[it.Partition] = struct{}{}
		l.forgetLocked(it)
		messages, bytes = messages+n, bytes+it.bytes
		batch = append(batch, it)
	}
	l.queue = slices.Replace(l.queue, 0, taken, held...)
	return batch
}

// forgetLocked counts an item out that leaves the queue.
func (l *lane) forgetLocked(it *item) {
	l.messages, l.bytes = l.messages-it.messages(), l.bytes-it.bytes
}

// finish ends one write.
func (l *lane) finish(it *item, r Result) {
	l.journal.stats.finished(r)
	it.Done(r)
	<-l.slots
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.pending[it.Partition]--; l.pending[it.Partition] == 0 {
		delete(l.pending, it.Partition)
	}
	waits := l.flushes[it.Partition]
	for _, f := range waits {
		if it.sequence <= f.sequence {
			if f.left--; f.left == 0 {
				close(f.done)
			}
		}
	}
	waits = slices.DeleteFunc(waits, func(f *flushing) bool { return f.left == 0 })
	if len(waits) == 0 {
		delete(l.flushes, it.Partition)
	} else {
		l.flushes[it.Partition] = waits
	}
}

// flushed returns a channel that is closed once the present writes of a partition are done, nil when there are none.
func (l *lane) flushed(partition int) <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := l.pending[partition]
	if n == 0 {
		return nil
	}
	f := &flushing{sequence: l.sequence, left: n, done: make(chan struct{})}
	l.flushes[partition] = append(l.flushes[partition], f)
	return f.done
}

func (l *lane) wakeRefuser() { notify(l.refuse, struct{}{}) }

// refuseRevoked ends queued writes of revoked epochs, also while a batch is in flight.
func (l *lane) refuseRevoked(ctx context.Context) {
	for {
		select {
		case <-l.refuse:
			for _, it := range l.removeRevoked() {
				l.finish(it, Result{Err: &FencedError{it.Partition, it.Epoch}})
			}
		case <-ctx.Done():
			return
		}
	}
}

func (l *lane) removeRevoked() []*item {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []*item
	l.queue = slices.DeleteFunc(l.queue, func(it *item) bool {
		if !l.journal.revoked(it.Partition, it.Epoch) {
			return false
		}
		out = append(out, it)
		l.forgetLocked(it)
		return true
	})
	return out
}

// drain ends what is still queued, and refuses all that would come.
func (l *lane) drain() {
	l.mu.Lock()
	l.stopped = true
	queue := l.queue
	l.queue, l.messages, l.bytes = nil, 0, 0
	l.mu.Unlock()
	for _, it := range queue {
		l.finish(it, Result{Err: ErrClosed})
	}
}

package sourcetest

import (
	"context"
	"slices"
	"sync"

	"trackerfleet/workers/source"
)

var _ source.Observer = (*watcher)(nil)

// watcher is an observer that keeps what it is told.
type watcher struct {
	source.Handle
	r  *rig
	id string

	mu     sync.Mutex
	seen   []source.Observation
	closed bool
	late   int           // observations after Close
	news   chan struct{} // holds one when seen is not empty
}

func newWatcher(r *rig, id string) *watcher {
	return &watcher{r: r, id: id, news: make(chan struct{}, 1)}
}

// Observe keeps o.
func (w *watcher) Observe(o source.Observation) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		w.late++
		return
	}
	w.seen = append(w.seen, o)
	select {
	case w.news <- struct{}{}:
	default:
	}
}

// Close ends the watch.
func (w *watcher) Close() {
	w.Handle.Close()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed = true
}

// lateObservations returns how many observations were made after Close.
func (w *watcher) lateObservations() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.late
}

// take removes and returns the oldest observation.
func (w *watcher) take() (o source.Observation, ok bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.seen) == 0 {
		return o, false
	}
	o, w.seen = w.seen[0], w.seen[1:]
	return o, true
}

// next returns the next observation that is of none of the kinds to skip.
func (w *watcher) next(skip ...source.Kind) source.Observation {
	w.r.Helper()
	ctx, cancel := context.WithTimeout(w.r.ctx, patience)
	defer cancel()
	for {
		for o, ok := w.take(); ok; o, ok = w.take() {
			w.check(o)
			if !slices.Contains(skip, o.Kind) {
				return o
			}
		}
		select {
		case <-w.news:
		case <-ctx.Done():
			w.r.Fatalf("%s: no observation within %v; health %+v, checkpoint %+v", w.id, patience, w.r.src.Health(), w.r.src.Checkpoint())
		}
	}
}

// expect returns the next observation, which must be of the kind, after any number of those to skip.
func (w *watcher) expect(kind source.Kind, skip ...source.Kind) source.Observation {
	w.r.Helper()
	o := w.next(skip...)
	if o.Kind != kind {
		w.r.Fatalf("%s: observed %s, want kind %d", w.id, describe(o), kind)
	}
	return o
}

// included returns the next observation, which must be the inclusion in block; it may have been absent or pending before.
func (w *watcher) included(block source.BlockRef, success bool) source.Observation {
	w.r.Helper()
	o := w.expect(source.Included, source.Absent, source.Pending)
	w.at(o.Inclusion, block)
	if o.Inclusion.Success != success {
		w.r.Errorf("%s: success is %v, want %v", w.id, o.Inclusion.Success, success)
	}
	return o
}

// reorged returns the next observation, which must be a reorganisation that took the transaction out of from and into to;
// nil is in no block.
func (w *watcher) reorged(from source.BlockRef, to *source.BlockRef) source.Observation {
	w.r.Helper()
	o := w.expect(source.Reorged)
	w.at(o.From, from)
	switch {
	case to == nil && o.Inclusion != nil:
		w.r.Fatalf("%s: reorged into block %+v, want none", w.id, o.Inclusion.Block)
	case to != nil:
		w.at(o.Inclusion, *to)
	}
	return o
}

// at fails the test unless the inclusion is in the block.
func (w *watcher) at(in *source.Inclusion, block source.BlockRef) {
	w.r.Helper()
	if in == nil {
		w.r.Fatalf("%s: no inclusion, want block %d %s", w.id, block.Number, block.Hash)
	}
	if in.Block.Number != block.Number || in.Block.Hash != block.Hash {
		w.r.Fatalf("%s: in block %d %s, want %d %s", w.id, in.Block.Number, in.Block.Hash, block.Number, block.Hash)
	}
}

// silent fails the test if an observation other than those to skip was made so far.
func (w *watcher) silent(skip ...source.Kind) {
	w.r.Helper()
	for o, ok := w.take(); ok; o, ok = w.take() {
		w.check(o)
		if !slices.Contains(skip, o.Kind) {
			w.r.Fatalf("%s: observed %s, want nothing", w.id, describe(o))
		}
	}
}

// check fails the test if o cannot be an observation of any source.
func (w *watcher) check(o source.Observation) {
	w.r.Helper()
	fault := ""
	if w.r.Harness != nil {
		fault = faultOf(o)
	} else {
		fault = providerFaultOf(o)
	}
	if fault != "" {
		w.r.Errorf("%s: %s: %s", w.id, describe(o), fault)
	}
}

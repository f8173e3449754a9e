package demo

import (
	"sync"

	"trackerfleet/bus"
)

// Progress is how far a rehearsal is.
type Progress struct {
	Started, Finished, Crashed int
}

// tally follows the stream while it grows.
type tally struct {
	plan Plan

	mu       sync.Mutex
	progress Progress
	ended    map[bus.ID]bool
	struck   map[bus.ID]bool // victims that were handed out
	done     chan struct{}   // closed when every transaction has ended
}

func newTally(plan Plan) *tally {
	return &tally{plan: plan, ended: map[bus.ID]bool{}, struck: map[bus.ID]bool{}, done: make(chan struct{})}
}

// saw counts e. It reports whether its tracker is one that is to crash now: a victim that has learned something it could forget.
func (t *tally) saw(e *bus.Event) (crash bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	id := e.TransactionID
	switch {
	case e.Type == bus.EventStarted:
		t.progress.Started++
	case e.Terminal() && !t.ended[id]:
		t.ended[id] = true
		t.progress.Finished++
		if len(t.ended) == len(t.plan.IDs) {
			close(t.done)
		}
	case t.plan.Victims[id] && !t.struck[id]:
		t.struck[id] = true
		return true
	}
	return false
}

func (t *tally) crashed() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.progress.Crashed++
}

func (t *tally) now() Progress {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.progress
}

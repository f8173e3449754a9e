package demo

import (
	"sync"

	"trackerfleet/bus"
)

// Progress is how far a rehearsal is.
type Progress struct {
	Started, Finished, Crashed int

	Killed         string // the worker that was killed; empty: not yet
	Orphans, Taken int    // trackers that ran on it; of these, that have a live owner again
}

// tally follows the stream while it grows.
type tally struct {
	plan Plan

	mu       sync.Mutex
	progress Progress
	ended    map[bus.ID]bool
	crashing map[bus.ID]bool // victims that were handed out
	started  chan struct{}   // closed when every transaction was started
	done     chan struct{}   // closed when every transaction has ended
}

func newTally(plan Plan) *tally {
	return &tally{plan: plan, ended: map[bus.ID]bool{}, crashing: map[bus.ID]bool{}, started: make(chan struct{}), done: make(chan struct{})}
}

// saw counts e. It reports whether its tracker is one that is to crash now: a victim that has learned something it could forget.
func (t *tally) saw(e *bus.Event) (crash bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	id := e.TransactionID
	switch {
	case e.Type == bus.EventStarted:
		if t.progress.Started++; t.progress.Started == len(t.plan.IDs) {
			close(t.started)
		}
	case e.Terminal() && !t.ended[id]:
		t.ended[id] = true
		t.progress.Finished++
		if len(t.ended) == len(t.plan.IDs) {
			close(t.done)
		}
	case t.plan.Victims[id] && !t.crashing[id]:
		t.crashing[id] = true
		return true
	}
	return false
}

func (t *tally) crashed() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.progress.Crashed++
}

// unfinished returns the transactions whose end was not seen.
func (t *tally) unfinished() []bus.ID {
	t.mu.Lock()
	defer t.mu.Unlock()
	var ids []bus.ID
	for _, id := range t.plan.IDs {
		if !t.ended[id] {
			ids = append(ids, id)
		}
	}
	return ids
}

func (t *tally) struck(s Strike) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.progress.Killed, t.progress.Orphans = s.Worker, len(s.Running)
}

func (t *tally) took() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.progress.Taken++
}

func (t *tally) now() Progress {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.progress
}

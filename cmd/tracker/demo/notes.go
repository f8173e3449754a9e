package demo

import (
	"maps"
	"sync"
	"time"

	"trackerfleet/bus"
)

// notes is what is seen while it happens.
type notes struct {
	mu       sync.Mutex
	accepted map[bus.ID]bool
	crashed  map[bus.ID]Crash
	strike   Strike
}

func newNotes() *notes { return &notes{accepted: map[bus.ID]bool{}, crashed: map[bus.ID]Crash{}} }

func (n *notes) accept(id bus.ID) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.accepted[id] = true
}

func (n *notes) crash(id bus.ID, before *bus.Tracker) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.crashed[id] = Crash{Answered: time.Now(), Epoch: before.Epoch, Incarnation: before.Incarnation}
}

func (n *notes) struck(s Strike) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.strike = s
}

func (n *notes) took(id bus.ID, after time.Duration) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.strike.Taken[id] = after
}

// evidence returns what was seen so far, without what is read at the end.
func (n *notes) evidence() Evidence {
	n.mu.Lock()
	defer n.mu.Unlock()
	e := Evidence{
		Accepted: maps.Clone(n.accepted), Crashed: maps.Clone(n.crashed), Lookups: map[bus.ID]bus.Status{}, Strike: n.strike,
	}
	e.Strike.Taken = maps.Clone(n.strike.Taken)
	return e
}

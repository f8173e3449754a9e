package bus

import (
	"context"
	"sync"
)

// gate lets a number of holders in at one time that may change while they are in.
type gate struct {
	mu      sync.Mutex
	limit   int
	inside  int
	changed chan struct{} // closed when there may be room again
}

func newGate(limit int) *gate { return &gate{limit: limit, changed: make(chan struct{})} }

// enter waits for room. It reports whether ctx allowed it; then leave must follow.
func (g *gate) enter(ctx context.Context) bool {
	for {
		wait := g.tryEnter()
		if wait == nil {
			return true
		}
		select {
		case <-wait:
		case <-ctx.Done():
			return false
		}
	}
}

// tryEnter enters if there is room, and otherwise returns what to wait for.
func (g *gate) tryEnter() (wait <-chan struct{}) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.inside < g.limit {
		g.inside++
		return nil
	}
	return g.changed
}

// crowded returns what to wait for while n or more are inside, otherwise nil: it is closed when one of them has left.
func (g *gate) crowded(n int) (wait <-chan struct{}) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.inside < min(n, g.limit) {
		return nil
	}
	return g.changed
}

func (g *gate) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.inside--
	g.wakeLocked()
}

// resize changes the limit. Those who are inside stay.
func (g *gate) resize(limit int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.limit = limit
	g.wakeLocked()
}

func (g *gate) wakeLocked() {
	close(g.changed)
	g.changed = make(chan struct{})
}

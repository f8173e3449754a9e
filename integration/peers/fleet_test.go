package peers

import (
	"sync/atomic"
	"testing"
	"time"
)

// fleet is children of one kind, each with a name and a mailbox, that begin again when they panic.
type fleet interface {
	// start returns when all have begun. A name that is taken is a fault.
	start(b testing.TB, ids []string)
	// child finds one by its name.
	child(b testing.TB, id string) child
	// stop ends all and waits for their ends.
	stop(b testing.TB)
}

type child interface {
	// call returns what the child answers, which is n.
	call(b testing.TB, n int) int
	// crash makes the child panic. Begun again it sends how long it served nothing.
	crash(b testing.TB, away chan<- time.Duration)
}

var fleets = []struct {
	name string
	make func() fleet
}{
	{"trackerfleet", newSupervised},
	{"goroutines/RWMutex", func() fleet { return newGoroutines(&lockedMap{}) }},
	{"goroutines/sync.Map", func() fleet { return newGoroutines(&syncMap{}) }},
	{"goroutines/xsync", func() fleet { return newGoroutines(newXsyncMap()) }},
	{"suture", newSuture},
	{"protoactor", newProtoactor},
}

// crash tells a child to panic.
type crash struct{ away chan<- time.Duration }

// alive is what a child sends to itself before it panics, so that it is the first message of its next life.
type alive struct {
	since time.Time
	away  chan<- time.Duration
}

func (c crash) now() alive { return alive{time.Now(), c.away} }

func (a alive) tell() { a.away <- time.Since(a.since) }

// gate opens when so many have come.
type gate struct {
	left atomic.Int64
	open chan struct{}
}

func newGate(n int) *gate {
	g := &gate{open: make(chan struct{})}
	g.left.Store(int64(n))
	return g
}

func (g *gate) come() {
	if g.left.Add(-1) == 0 {
		close(g.open)
	}
}

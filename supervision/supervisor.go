package supervision

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"
)

// Config of a Supervisor. The zero value works.
type Config struct {
	// Registry holds the names; nil is one of the supervisor's own.
	Registry Registry

	// Observer gets the events, one at a time, each child's in order. It may be slow: it holds nobody up, but events are
	// dropped and counted beyond EventBuffer. It must not call Stop.
	Observer func(Event)

	// EventBuffer is the number of events that may wait for the observer; 0 is 131,072.
	EventBuffer int

	// MaxChildren limits the children in all phases; 0 is no limit, negative is none at all.
	MaxChildren int

	// RestartBudget paces the restarts of all children together.
	RestartBudget RestartBudget

	// CallTimeout bounds a Call whose context has no deadline; 0 is 5 s, negative is no bound.
	CallTimeout time.Duration

	// Rand returns random numbers from 0 to below 1 for the jitter; nil is math/rand. Any goroutine calls it.
	Rand func() float64
}

const (
	defaultCallTimeout = 5 * time.Second
	defaultEventBuffer = 1 << 17
)

func (c Config) withDefaults() Config {
	if c.Registry == nil {
		c.Registry = &index{}
	}
	if c.EventBuffer <= 0 {
		c.EventBuffer = defaultEventBuffer
	}
	if c.CallTimeout == 0 {
		c.CallTimeout = defaultCallTimeout
	}
	if c.Rand == nil {
		c.Rand = rand.Float64
	}
	return c
}

// Supervisor starts, restarts, stops and lists children. Make one with New; all methods may be called by any goroutine.
type Supervisor struct {
	config   Config
	registry Registry
	budget   *pace
	events   *eventQueue // nil without an observer
	leaks    leaks

	count    atomic.Int64 // children that have their place under MaxChildren
	phases   [phaseCount]atomic.Int64
	stopping atomic.Bool
	emptied  sync.Once
	empty    chan struct{} // closed when stopping and the last child is gone

	waiters   sync.Pool // *waiter
	mailboxes sync.Pool // *mailbox
}

// New returns a supervisor without children. It starts no goroutine.
func New(config Config) *Supervisor {
	config = config.withDefaults()
	s := &Supervisor{
		config:   config,
		registry: config.Registry,
		budget:   newPace(config.RestartBudget),
		empty:    make(chan struct{}),
	}
	if config.Observer != nil {
		s.events = &eventQueue{observe: config.Observer, limit: config.EventBuffer}
	}
	return s
}

// Lookup returns the child with the ID. It may have ended by the time the caller looks at it.
func (s *Supervisor) Lookup(id string) (*Child, error) {
	c, ok := s.registry.Lookup(id)
	if !ok || c.sup != s {
		return nil, ErrNotFound
	}
	return c, nil
}

// Call looks the child up and calls it. It fails with [ErrNotFound] or as [Child.Call] does.
func (s *Supervisor) Call(ctx context.Context, id string, msg any) (any, error) {
	c, err := s.Lookup(id)
	if err != nil {
		return nil, err
	}
	return c.Call(ctx, msg)
}

// Children yields the children in every phase, in no order. Use it as for c := range s.Children.
func (s *Supervisor) Children(yield func(*Child) bool) {
	for _, c := range s.registry.All() {
		if c.sup == s && !yield(c) {
			return
		}
	}
}

// Counts are numbers of children by phase, and of goroutines that were abandoned and still run.
type Counts struct {
	Starting, Running, BackingOff, Parked, Stopping int
	Abandoned                                       int
}

// Total is the number of children.
func (c Counts) Total() int { return c.Starting + c.Running + c.BackingOff + c.Parked + c.Stopping }

// CountChildren counts without visiting the children. While children change phase the numbers are each of a slightly
// different moment.
func (s *Supervisor) CountChildren() Counts {
	return Counts{
		Starting:   int(s.phases[Starting].Load()),
		Running:    int(s.phases[Running].Load()),
		BackingOff: int(s.phases[BackingOff].Load()),
		Parked:     int(s.phases[Parked].Load()),
		Stopping:   int(s.phases[Stopping].Load()),
		Abandoned:  s.leaks.len(),
	}
}

// EventsDropped is the number of events that the observer was too slow for.
func (s *Supervisor) EventsDropped() uint64 {
	if s.events == nil {
		return 0
	}
	return s.events.dropped()
}

// reserve takes a place under MaxChildren.
func (s *Supervisor) reserve() bool {
	limit := int64(s.config.MaxChildren)
	if limit == 0 {
		s.count.Add(1)
		return true
	}
	for {
		n := s.count.Load()
		if n >= limit {
			return false
		}
		if s.count.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

func (s *Supervisor) release() {
	s.count.Add(-1)
	s.noteEmpty()
}

// noteEmpty is exact: a start that reserved its place after stopping was set gives it back without a child.
func (s *Supervisor) noteEmpty() {
	if s.stopping.Load() && s.count.Load() == 0 {
		s.emptied.Do(func() { close(s.empty) })
	}
}

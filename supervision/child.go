package supervision

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Child is a started child: a handle that stays the same over its restarts, as the name does in OTP. All methods may be called
// by any goroutine, also after the child has ended.
//
// A million of them are held at once: TestChildIsSmall says how large one may be.
type Child struct {
	sup *Supervisor
	typ *ChildType
	id  string
	arg any

	incarnation atomic.Uint64 // written with mu held
	phase       atomic.Uint32 // a Phase, written with mu held

	mu      sync.Mutex
	restart Restart
	busy    bool     // a goroutine of the current incarnation exists
	server  Server   // of the current incarnation once Init succeeded
	run     *run     // of the current incarnation; nil while hibernated, unless its context is in use
	mailbox *mailbox // nil when empty
	affairs *affairs // nil: it has none
}

// affairs are what few children have.
type affairs struct {
	deferred *Call        // calls whose handler has returned without a reply
	crashes  *crashes     // nil without a history or a restart
	stop     *stopRequest // nil: it is not to end
}

// has returns what there is of affairs, to read. mu is held.
func (c *Child) has() affairs {
	if c.affairs == nil {
		return affairs{}
	}
	return *c.affairs
}

// affairsLocked returns the child's own affairs, to write.
func (c *Child) affairsLocked() *affairs {
	if c.affairs == nil {
		c.affairs = &affairs{}
	}
	return c.affairs
}

// ID returns the child's name.
func (c *Child) ID() string { return c.id }

// Type returns the child's type.
func (c *Child) Type() *ChildType { return c.typ }

// Arg returns ChildSpec.Arg.
func (c *Child) Arg() any { return c.arg }

// Phase returns where the child is in its life at the moment.
func (c *Child) Phase() Phase { return Phase(c.phase.Load()) }

// Incarnation returns the number of the current or latest incarnation. It only goes up, with every new one.
func (c *Child) Incarnation() uint64 { return c.incarnation.Load() }

// Restarts returns how often the child was restarted or resumed here.
func (c *Child) Restarts() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if k := c.has().crashes; k != nil {
		return k.restarts
	}
	return 0
}

// Crash is the latest end of an incarnation that was to be followed by another one.
type Crash struct {
	Reason      error
	Stack       Stack // where Reason is a panic or Goexit
	At          time.Time
	Incarnation uint64
	Attempt     int           // the number of the restart in a row, from 1
	Delay       time.Duration // from At to NextTry
	NextTry     time.Time     // zero if it was parked
}

// crashes is what a child remembers that crashed, here or elsewhere, or was resumed.
type crashes struct {
	latest   *Crash      // nil if there were none here
	history  []time.Time // oldest first
	restarts int
	timer    *time.Timer // of the restart, while BackingOff
	turn     bool        // the restart budget has given it its turn
}

// LastCrash returns the latest crash, or nil if there was none here. It stays after the restart.
func (c *Child) LastCrash() *Crash {
	c.mu.Lock()
	defer c.mu.Unlock()
	k := c.has().crashes
	if k == nil || k.latest == nil {
		return nil
	}
	crash := *k.latest
	return &crash
}

// History returns the times of the crashes that count for intensity and backoff, oldest first, for ChildSpec.History on
// another machine.
func (c *Child) History() []time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if k := c.has().crashes; k != nil {
		return slices.Clone(k.history)
	}
	return nil
}

func (c *Child) phaseIs(p Phase) bool { return c.Phase() == p }

func (c *Child) enterLocked(p Phase) {
	old := c.Phase()
	c.phase.Store(uint32(p))
	c.sup.phases[old].Add(-1)
	c.sup.phases[p].Add(1)
}

func (c *Child) emitLocked(kind EventKind, reason error) {
	if c.sup.events == nil {
		return
	}
	c.sendLocked(Event{Kind: kind, Reason: reason, Stack: stackOf(reason)})
}

// sendLocked keeps the order of the child's events because mu is held.
func (c *Child) sendLocked(e Event) {
	if c.sup.events == nil {
		return
	}
	e.Child, e.At = c, time.Now()
	if e.Incarnation == 0 {
		e.Incarnation = c.Incarnation()
	}
	c.sup.events.add(e)
}

package workers

import (
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"trackerfleet/supervision"
	"trackerfleet/workers/source"
	"trackerfleet/workers/tracker"
)

// cell is what stays of one tracker over restarts of its server: the committed record, what waits to be decided, and the
// one write in flight. Decisions are made one at a time, each from the record that the one before left. A million of them are
// held at once: TestCellIsSmall says how large one may be.
type cell struct {
	part   *partition
	policy *source.Policy // what the start asks of it

	child  atomic.Pointer[supervision.Child] // set before the child's first Init
	record atomic.Pointer[tracker.Record]    // the committed one, or one that differs from it in what is not durable; written with mu held

	mu       sync.Mutex
	revision uint64        // of the committed record
	handle   source.Handle // nil until the first Init
	occasion *occasion     // nil: there is none

	crewIndex    int32  // belongs to the partition's crew
	profileIndex uint16 // of the profile among the worker's; set before the cell is anybody else's
	flags        flags  // guarded by mu
}

func newCell(part *partition, profile *profile, target source.Target) *cell {
	return &cell{part: part, profileIndex: profile.index, policy: target.Policy, occasion: &occasion{unwatched: &target}}
}

// profile is the one that the tracker's source was configured with.
func (c *cell) profile() *profile { return c.part.worker.profileList[c.profileIndex] }

// commitLocked makes record what is committed.
func (c *cell) commitLocked(record *tracker.Record, revision uint64) {
	c.record.Store(record)
	c.revision = revision
}

// stored returns the record with the revision of what is committed of it.
func (c *cell) stored() commit {
	c.mu.Lock()
	defer c.mu.Unlock()
	return commit{c.record.Load(), c.revision}
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
	if c.flags.has(ended) {
		return
	}
	on := c.onLocked()
	on.heard = true
	on.inbox.Put(o)
	if on.awaited {
		c.part.worker.refreshes.seen(c)
	}
	c.pinLocked(lowestHeight(o))
	if on.awaited || c.urgentLocked() {
		c.wakeLocked()
		return
	}
	c.rouseLocked()
}

// pinLocked keeps the profile's checkpoint below height until everything that waits is stored. While the tracker is set aside
// its partition's checkpoint stays where it is anyway.
func (c *cell) pinLocked(height uint64) {
	if had := c.hadLocked(); c.flags.has(aside) || had.pinned && had.pin <= height {
		return
	}
	c.profile().mark.begin(height)
	c.unpinLocked()
	on := c.onLocked()
	on.pinned, on.pin = true, height
}

func (c *cell) unpinLocked() {
	if c.hadLocked().pinned {
		c.occasion.pinned = false
		c.profile().mark.settle(c.occasion.pin)
	}
}

// setAside has a tracker that is parked hold back the checkpoint of its partition instead of the one of its source: it may
// stay so for days.
func (c *cell) setAside() {
	c.mu.Lock()
	defer c.mu.Unlock()
	child := c.child.Load()
	resumed := child != nil && child.Phase() != supervision.Parked // its Init takes it up, or has done so
	if resumed || c.flags.has(ended) || c.flags.has(aside) {
		return
	}
	c.flags.set(aside, true)
	c.part.holdBack(1)
	c.unpinLocked()
}

// takeUp is the opposite of setAside. Until the source has said the next thing nothing is known from since on; 0: the record
// was never looked up and will be in full.
func (c *cell) takeUp(since uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.flags.has(aside) {
		return
	}
	c.flags.set(aside, false)
	if !c.flags.has(ended) && since > 0 {
		c.pinLocked(since)
	}
	c.part.holdBack(-1)
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
	if c.flags.has(ended) {
		c.mu.Unlock()
		in.finish(c.record.Load(), errNotMine)
		return
	}
	c.askLocked(in)
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

// overloadPause is how long a tracker whose mailbox is full of calls is left to serve them before it is woken again.
const overloadPause = 50 * time.Millisecond

// wakeLocked has step run soon: by the server when it runs, so that a panic is its own; otherwise, if a request cannot wait
// for it, by the worker.
func (c *cell) wakeLocked() {
	if !c.wakeServerLocked() && c.child.Load() != nil {
		c.stepAloneLocked()
	}
}

// wakeServerLocked has the server run step soon, and reports whether it will: only one that runs does.
func (c *cell) wakeServerLocked() bool {
	child := c.child.Load()
	if child == nil {
		return false
	}
	if phase := child.Phase(); phase != supervision.Running && phase != supervision.Starting {
		return false
	}
	if c.flags.has(woken) {
		return true
	}
	err := child.Info(wake{})
	if errors.Is(err, supervision.ErrOverloaded) {
		time.AfterFunc(overloadPause, c.wake)
		return true
	}
	c.flags.set(woken, err == nil)
	return c.flags.has(woken)
}

// hungPause is how long a server may leave what others ask undecided before the worker decides in its place: it may hang.
const hungPause = time.Second

// stepAlone has the worker decide what others have asked, if there is anything.
func (c *cell) stepAlone() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stepAloneLocked()
}

func (c *cell) stepAloneLocked() {
	if c.askedLocked() && !c.flags.has(stepping) {
		c.flags.set(stepping, true)
		c.part.worker.stepping.add(c)
	}
}

// wakeForSource has the server look at what the source has said, if it has said something. Without a server that runs there is nothing to
// do: the next one looks first of all, and the worker, which steps alone, must not call itself again for a request that cannot be written now.
func (c *cell) wakeForSource() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.hadLocked().heard {
		c.wakeServerLocked()
	}
}

// wake is the only message that a cell sends to its server: look at what there is.
type wake struct{}

package workers

import (
	"sync"
	"sync/atomic"

	"github.com/nats-io/nats.go"

	"trackerfleet/bus"
	"trackerfleet/workers/source"
)

// partitionState is what this worker does with a partition.
type partitionState uint32

const (
	vacant  partitionState = iota // not owned here
	loading                       // owned; its records are being read
	serving                       // owned; every unfinished transaction of it has its tracker here
	leaving                       // owned; its trackers are being stopped
)

// partition is one partition as this worker sees it. The ownership loop takes vacant ones; drop and leave give them up.
type partition struct {
	number int
	worker *Worker
	epoch  atomic.Uint64 // under which this worker writes; 0: it does not own the partition
	state  atomic.Uint32 // a partitionState
	lost   atomic.Uint64 // how often it was given up

	handing atomic.Bool // leaving, and given away in a goroutine of its own
	crew    crew        // its trackers

	mu           sync.Mutex
	checkpoints  map[string]source.Checkpoint // by source profile, as they were stored
	stranded     map[bus.ID]stranded          // records of which no tracker could be made
	aside        int                          // trackers that are parked and do not follow their source
	finished     map[bus.ID]bool              // trackers that have ended while the partition was loaded
	subscription *nats.Subscription
}

func (p *partition) is(s partitionState) bool { return partitionState(p.state.Load()) == s }
func (p *partition) enter(s partitionState)   { p.state.Store(uint32(s)) }
func (p *partition) holding() bus.Holding {
	return bus.Holding{Partition: p.number, Epoch: p.epoch.Load()}
}
func (p *partition) owned() bool { return p.epoch.Load() != 0 }

// tenure is a time during which a partition was not given up, whatever its epochs. What was read in one tenure says nothing
// in the next: another worker may have written in between.
type tenure uint64

func (p *partition) tenure() tenure { return tenure(p.lost.Load()) }

// keeps reports whether a tracker that was begun in a tenure may run.
func (p *partition) keeps(t tenure) bool {
	return p.owned() && !p.is(leaving) && !p.is(vacant) && p.tenure() == t
}

// checkpoint returns the stored height up to which a source was followed for this partition; 0: unknown.
func (p *partition) checkpoint(profile string) uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.checkpoints[profile].Height
}

func (p *partition) setCheckpoints(all map[string]source.Checkpoint) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.checkpoints = all
}

// holdBack counts trackers, up or down, that do not follow their source: until they do, a checkpoint that moved on would say
// of them what is not so.
func (p *partition) holdBack(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.aside += n
}

// heldBack reports whether there is something here that does not follow its source.
func (p *partition) heldBack() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.heldBackLocked()
}

func (p *partition) heldBackLocked() bool { return p.aside > 0 || len(p.stranded) > 0 }

// reset forgets what was known while the partition was owned, and ends its tenure.
func (p *partition) reset() {
	p.lost.Add(1)
	p.crew.forgetParting()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.checkpoints, p.stranded, p.finished = nil, nil, nil
}

func (p *partition) allCheckpoints() map[string]source.Checkpoint {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.checkpoints // replaced, never changed
}

func (p *partition) forgetStranded() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stranded = nil
}

// noteFinished remembers that a run has ended, as long as an older record of it may still be on its way to load.
func (p *partition) noteFinished(id bus.ID) {
	if !p.is(loading) {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.finished == nil {
		p.finished = make(map[bus.ID]bool)
	}
	p.finished[id] = true
}

func (p *partition) hasFinished(id bus.ID) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.finished[id]
}

// loaded says that every tracker of the partition is there, if the tenure in which they were loaded has lasted.
func (p *partition) loaded(t tenure) {
	if !p.keeps(t) || !p.state.CompareAndSwap(uint32(loading), uint32(serving)) {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.finished = nil
}

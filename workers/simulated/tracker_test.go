package simulated

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"math/bits"
	"slices"
	"sync"
	"testing"

	"trackerfleet/workers/source"
)

// tracker is a small tracker: finality by depth, missing, dropped. Its fields survive a takeover as a record would.
type tracker struct {
	id, status string
	params     json.RawMessage
	block      *source.BlockRef
	other      bool // the block, if there is one, is that of a replacement
	lastSeen   uint64
	checks     int
	asked      uint64
	reorgs     int
	early      uint64 // mutant: how many blocks before finality it ends
	deaf       bool   // mutant: does not hear of reorganisations

	truth  Truth
	handle source.Handle
	fleet  *fleet
	inbox  source.Inbox // guarded by the fleet's mutex
}

// Observe keeps o until the fleet gets to it.
func (tr *tracker) Observe(o source.Observation) {
	tr.fleet.mu.Lock()
	defer tr.fleet.mu.Unlock()
	tr.inbox.Put(o)
	tr.fleet.dirty[tr] = true
	select {
	case tr.fleet.news <- struct{}{}:
	default:
	}
}

// observe handles one observation and reports whether the transaction has ended.
func (tr *tracker) observe(o source.Observation) (ended bool) {
	if tr.lastSeen == 0 {
		tr.lastSeen = o.Head
	}
	switch {
	case tr.deaf && o.Kind == source.Reorged:
		return false
	case o.Kind == source.Absent:
		return tr.absent(o)
	case o.Kind == source.Pending:
		tr.status, tr.block, tr.other = "pending", nil, false
	case o.Kind == source.Reorged && o.Inclusion == nil:
		tr.status, tr.block, tr.other = "pending", nil, false
		tr.reorgs++
	case o.Inclusion != nil:
		if o.Kind == source.Reorged {
			tr.reorgs++
		}
		ref := o.Inclusion.Block
		if tr.deaf && tr.block != nil {
			ref = *tr.block
		}
		tr.status, tr.block, tr.other = "confirming", &ref, o.By != "" || o.Kind == source.Advanced && tr.other
	}
	tr.lastSeen, tr.checks, tr.asked = o.Head, 0, 0
	if tr.block == nil {
		return false
	}
	final := tr.truth.FinalAt(tr.block.Number) - tr.early
	if o.Head < final {
		tr.handle.Wake(source.Wake{Height: final})
		return false
	}
	switch {
	case tr.other:
		tr.status = "replaced"
	case o.Inclusion != nil && !o.Inclusion.Success:
		tr.status = "failed"
	default:
		tr.status = "confirmed"
	}
	return true
}

func (tr *tracker) absent(o source.Observation) (ended bool) {
	checks, asked := o.Looks()
	tr.checks, tr.asked = tr.checks+checks, tr.asked|asked
	if tr.checks >= 3 && bits.OnesCount64(tr.asked) >= 2 {
		tr.status = "missing"
	}
	if tr.status == "missing" && o.Head >= tr.lastSeen+16 {
		tr.status = "dropped"
		return true
	}
	return false
}

// fleet runs trackers on one source after the other.
type fleet struct {
	*testing.T
	config   Config
	trackers map[string]*tracker // those that have not ended
	ended    []*tracker

	src  *Source
	stop func()

	mu    sync.Mutex
	dirty map[*tracker]bool
	news  chan struct{}
}

func newFleet(t *testing.T, c Config, ids []string, params json.RawMessage) *fleet {
	f := &fleet{T: t, config: c, trackers: map[string]*tracker{}, dirty: map[*tracker]bool{}, news: make(chan struct{}, 1)}
	for _, id := range ids {
		truth, err := TruthOf(c, id, params)
		if err != nil {
			t.Fatal(err)
		}
		f.trackers[id] = &tracker{id: id, status: "unseen", params: params, truth: truth, fleet: f}
	}
	return f
}

var errTakeover = errors.New("takeover")

// take starts a source of its own and watches what has not ended, with what the records say; since is what the last
// source had handed over, 0 if nobody knows.
func (f *fleet) take(since uint64) {
	src, err := New(f.config)
	if err != nil {
		f.Fatal(err)
	}
	ctx, cancel := context.WithCancelCause(f.Context())
	var running sync.WaitGroup
	running.Go(func() {
		if err := src.Run(ctx); !errors.Is(err, errTakeover) {
			f.Errorf("Run: %v", err)
		}
	})
	f.src, f.stop = src, func() {
		cancel(errTakeover)
		running.Wait()
	}
	f.mu.Lock()
	clear(f.dirty)
	f.mu.Unlock()
	for _, id := range slices.Sorted(maps.Keys(f.trackers)) {
		tr := f.trackers[id]
		target, err := src.Parse(id, tr.params)
		if err != nil {
			f.Fatal(err)
		}
		f.mu.Lock()
		tr.inbox = source.Inbox{}
		f.mu.Unlock()
		hint := source.Hint{Since: since, Block: tr.block}
		if tr.other {
			hint.By = tr.truth.By
		}
		tr.handle = src.Watch(target, hint, tr)
	}
}

// work handles what was observed so far.
func (f *fleet) work() {
	f.mu.Lock()
	dirty := slices.Collect(maps.Keys(f.dirty))
	clear(f.dirty)
	f.mu.Unlock()
	for _, tr := range dirty {
		for ended := false; !ended; {
			f.mu.Lock()
			o, ok := tr.inbox.Take()
			f.mu.Unlock()
			if !ok {
				break
			}
			if ended = tr.observe(o); ended {
				tr.handle.Close()
				delete(f.trackers, tr.id)
				f.ended = append(f.ended, tr)
			}
		}
	}
}

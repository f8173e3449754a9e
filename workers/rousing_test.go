package workers

import (
	"encoding/json"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"

	"trackerfleet/bus"
	"trackerfleet/workers/source"
	"trackerfleet/workers/tracker"
)

// TestHeadWakesTrackersInTurns: a head that touches all of a million must not take a million goroutines. Those that hang are waited
// for only so long.
func TestHeadWakesTrackersInTurns(t *testing.T) {
	const n = 3 * roused
	shut := &shutSource{gate: make(chan struct{})}
	w, cells := trackersOf(t, shut, n)
	shut.closed.Store(true)
	for _, c := range cells {
		c.Observe(source.Observation{Kind: source.Advanced, Head: 1})
	}
	eventually(t, "as many as may are awake", func() bool { return shut.inside.Load() >= roused })
	queue := w.rousing.queue
	queue.mu.Lock()
	waiting := len(queue.items)
	queue.mu.Unlock()
	if waiting < n-2*roused-1 {
		t.Errorf("%d trackers wait for their turn while %d are awake, want about %d", waiting, shut.inside.Load(), n-roused)
	}
	eventually(t, "all have had their turn, though the first ones hang", func() bool { return shut.inside.Load() == n })
	close(shut.gate)
	eventually(t, "all are through", func() bool { return shut.inside.Load() == 0 && len(w.rousing.places) == 0 })
	for _, c := range cells {
		c.mu.Lock()
		if c.occasion != nil {
			t.Errorf("an idle tracker keeps %+v", *c.occasion)
		}
		c.mu.Unlock()
	}
}

// TestServerAboutToRestLooksAtWhatIsHeardThen: between the last look of a step and its end it still has its place.
func TestServerAboutToRestLooksAtWhatIsHeardThen(t *testing.T) {
	src := &shutSource{gate: make(chan struct{})}
	w, cells := trackersOf(t, src, 1)
	c := cells[0]
	eventually(t, "it is idle", func() bool { c.mu.Lock(); defer c.mu.Unlock(); return c.occasion == nil && src.wakes.Load() > 0 })
	before := src.wakes.Load()
	c.mu.Lock()
	c.onLocked().place = w.rousing.wave.Load()
	c.mu.Unlock()
	c.Observe(source.Observation{Kind: source.Advanced, Head: 1})
	eventually(t, "it has looked", func() bool { return src.wakes.Load() > before })
}

// trackersOf starts a worker with n trackers of a source.
func trackersOf(t *testing.T, src source.Source, n int) (*Worker, []*cell) {
	t.Helper()
	w := newSite(t).worker("w-1", func(cfg *Config) {
		cfg.Logger, cfg.MaxTrackers = zap.NewNop(), 2*n
		cfg.Sources = map[string]source.Source{"heard": src}
	})
	cells := make([]*cell, n)
	for i := range cells {
		id, err := bus.ParseID(fmt.Sprintf("txn_%d", i))
		if err != nil {
			t.Fatal(err)
		}
		part := w.partitions[id.Partition()]
		r := tracker.Start(time.Now(), bus.StartRequest{TransactionID: id, Source: "heard"}, bus.Trace{}).Next
		if cells[i], err = w.revive(t.Context(), part, part.tenure(), r, uint64(i+1)); err != nil {
			t.Fatal(err)
		}
	}
	return w, cells
}

// shutSource holds trackers back that ask for their next wake, once it is closed.
type shutSource struct {
	still
	gate   chan struct{}
	closed atomic.Bool
	inside atomic.Int64
	wakes  atomic.Int64
}

func (*shutSource) Parse(string, json.RawMessage) (source.Target, error) {
	return source.Target{Policy: &stillPolicy}, nil
}

func (s *shutSource) Watch(source.Target, source.Hint, source.Observer) source.Handle { return s }

func (s *shutSource) Wake(source.Wake) {
	s.wakes.Add(1)
	if s.closed.Load() {
		s.inside.Add(1)
		<-s.gate
		s.inside.Add(-1)
	}
}

// TestThawWakesTrackersInTurns: what was said during a freeze must not have all of a million decide at once when it ends.
func TestThawWakesTrackersInTurns(t *testing.T) {
	const n = 3 * roused
	shut := &shutSource{gate: make(chan struct{})}
	w, cells := trackersOf(t, shut, n)
	w.freeze.Store(true)
	eventually(t, "it is frozen", w.isFrozen)
	for _, c := range cells {
		c.Observe(included)
	}
	eventually(t, "all wait for the partition", func() bool {
		w.stalled.mu.Lock()
		defer w.stalled.mu.Unlock()
		return len(w.stalled.items) == n && len(w.rousing.places) == 0
	})
	shut.closed.Store(true)
	for _, c := range cells {
		c.mu.Lock()
		c.flags.set(unasked, true)
		c.mu.Unlock()
	}
	w.freeze.Store(false)
	defer close(shut.gate)
	queue := w.rousing.queue
	eventually(t, "as many as may are awake, and the others wait for their turn", func() bool {
		queue.mu.Lock()
		defer queue.mu.Unlock()
		return shut.inside.Load() >= roused && len(queue.items) >= n-2*roused-1
	})
}

// included is an observation that is to be stored.
var included = source.Observation{Kind: source.Included, Head: 1, Inclusion: &source.Inclusion{Block: source.BlockRef{Number: 1, Hash: "0x1"}}}

// TestWhoWaitsForTheJournalDoesNotHang: others that were woken would wait beside them, ever more for as long as the store takes nothing.
func TestWhoWaitsForTheJournalDoesNotHang(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRousing()
		for range roused {
			r.places <- struct{}{}
		}
		r.full.Store(roused)
		entered := make(chan bool)
		go func() { entered <- r.enter(t.Context()) }()
		time.Sleep(10 * hungPause)
		if wave := r.wave.Load(); wave != 1 {
			t.Errorf("wave %d of trackers is awake while they wait for the journal", wave)
		}
		r.full.Store(0)
		if !<-entered {
			t.Error("those that hang are waited for")
		}
	})
}

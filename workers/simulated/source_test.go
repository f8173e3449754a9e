package simulated

import (
	"context"
	"encoding/json"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"trackerfleet/workers/source"
)

// kept is an observer that keeps everything.
type kept struct {
	mu   sync.Mutex
	seen []source.Observation
}

func (k *kept) Observe(o source.Observation) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.seen = append(k.seen, o)
}

// take returns what was observed since the last call.
func (k *kept) take() []source.Observation {
	k.mu.Lock()
	defer k.mu.Unlock()
	seen := k.seen
	k.seen = nil
	return seen
}

func kinds(seen []source.Observation) (n map[source.Kind]int) {
	n = map[source.Kind]int{}
	for _, o := range seen {
		n[o.Kind]++
	}
	return n
}

// running runs s in a bubble until the test ends.
func running(t *testing.T, c Config) *Source {
	s := mustNew(t, c)
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { _ = s.Run(ctx) })
	t.Cleanup(func() {
		cancel()
		wg.Wait()
	})
	return s
}

func watching(t *testing.T, s *Source, id, params string) (source.Handle, *kept) {
	t.Helper()
	target, err := s.Parse(id, json.RawMessage(params))
	if err != nil {
		t.Fatal(err)
	}
	k := &kept{}
	return s.Watch(target, source.Hint{}, k), k
}

// pass lets so much time pass in a bubble.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func TestPendingForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := running(t, Lively(1))
		s.SetNullShare(0)
		h, k := watching(t, s, "txn_1", `{"outcome":"pending"}`)
		pass(48 * time.Hour)
		got := k.take()
		if n := kinds(got); n[source.Pending] != 1 || n[source.Included] != 0 || got[len(got)-1].Kind != source.Pending {
			t.Errorf("observed %v", n)
		}
		if c := h.Checks(); time.Since(c.Last) > time.Hour || !c.Next.After(time.Now()) {
			t.Errorf("checks are %+v, it is %v", c, time.Now())
		}
	})
}

func TestNullShareIsAKnob(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := running(t, Config{})
		_, k := watching(t, s, "txn_1", `{"outcome":"pending"}`)
		pass(time.Minute)
		k.take()
		s.SetNullShare(1)
		pass(time.Minute)
		asked := map[int]bool{}
		for _, o := range k.take() {
			if o.Kind != source.Absent {
				t.Fatalf("observed kind %d", o.Kind)
			}
			asked[o.Endpoint] = true
		}
		if len(asked) != 2 {
			t.Errorf("endpoints %v said so, want both", asked)
		}
		s.SetNullShare(0)
		pass(time.Minute)
		if got := k.take(); len(got) != 1 || got[0].Kind != source.Pending {
			t.Errorf("observed %v, want pending again", kinds(got))
		}
	})
}

func TestConfiguredOutages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := running(t, Config{OutageEvery: time.Hour, OutageFor: 10 * time.Minute}) // a bubble begins at midnight
		_, k := watching(t, s, "txn_1", "")
		pass(9 * time.Minute)
		if h := s.Health(); !h.Degraded || h.Error == "" || h.Endpoints[0].Healthy || len(k.take()) > 0 {
			t.Errorf("in an outage: %+v", h)
		}
		pass(2 * time.Minute)
		if h := s.Health(); h.Degraded || kinds(k.take())[source.Included] != 1 {
			t.Errorf("after the outage: %+v", h)
		}
	})
}

func TestLagIsBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		prompt, late := running(t, Config{}), running(t, Config{Lag: 5})
		pass(time.Minute)
		if p, l := prompt.Checkpoint().Height, late.Checkpoint().Height; p != l+5 {
			t.Errorf("at %d and %d", p, l)
		}
		block := prompt.outside.heads(prompt.Checkpoint().Height)
		// another worker, ahead of this one, saw the transaction in a block that is not there yet
		target, err := late.Parse("txn_1", nil)
		if err != nil {
			t.Fatal(err)
		}
		k := &kept{}
		h := late.Watch(target, source.Hint{Since: block.latest, Block: &source.BlockRef{Number: block.latest, Hash: block.hash}}, k)
		h.Wake(source.Wake{Height: 1})
		pass(4 * time.Second)
		if got := k.take(); len(got) > 0 {
			t.Errorf("observed %v of a block to come", kinds(got))
		}
		pass(3 * time.Second)
		if n := kinds(k.take()); n[source.Included] != 1 || n[source.Advanced] != 1 || len(n) != 2 {
			t.Errorf("observed %v", n)
		}
	})
}

func TestWakesOfOtherHeads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := running(t, Config{})
		for _, head := range []source.Finality{source.Safe, source.Finalized} {
			h, k := watching(t, s, "txn_1", "")
			pass(10 * time.Second)
			in := k.take()
			height := in[len(in)-1].Inclusion.Block.Number + 20
			h.Wake(source.Wake{Height: height, Head: head})
			pass(time.Minute)
			got := k.take()
			if len(got) != 1 || got[0].Kind != source.Advanced {
				t.Fatalf("%v: observed %v", head, kinds(got))
			}
			reached := map[source.Finality]uint64{source.Safe: got[0].Safe, source.Finalized: got[0].Finalized}[head]
			if reached != height {
				t.Errorf("%v: woken at %d, want %d", head, reached, height)
			}
			h.Close()
		}
	})
}

func TestClockThatJumpsBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var shift time.Duration
		s := running(t, Config{Now: func() time.Time {
			mu.Lock()
			defer mu.Unlock()
			return time.Now().Add(shift)
		}})
		set := func(d time.Duration) {
			mu.Lock()
			defer mu.Unlock()
			shift = d
		}
		pass(time.Minute)
		before := s.Checkpoint().Height
		set(-time.Hour)
		_, k := watching(t, s, "txn_1", "")
		pass(time.Minute)
		if now := s.Checkpoint().Height; now != before {
			t.Errorf("the head went from %d to %d", before, now)
		}
		set(time.Hour)
		pass(time.Second)
		if now := s.Checkpoint().Height; now < before+3600 {
			t.Errorf("the head is at %d, want %d", now, before+3600)
		}
		if n := kinds(k.take()); n[source.Included] != 1 || n[source.Reorged] != 0 {
			t.Errorf("observed %v", n)
		}
	})
}

func TestWatchOfAForeignTargetPanics(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	mustNew(t, Config{}).Watch(source.Target{Ref: 1}, source.Hint{}, &kept{})
}

// Nobody drops a transaction that is late: from its first look on it is absent for fewer blocks than drop_after, even if
// the source sees nothing of the blocks between.
func TestAbsentOnlyAtFirst(t *testing.T) {
	c := Config{Wait: 20}.withDefaults()
	chain := newChain(c)
	for _, id := range idsOf(200) {
		f := fateOf(c, chain, keyOf(c.Seed, id), plainSpec(c))
		for head := uint64(1000); head < 1040; head++ {
			was := f.enter(source.Hint{}, head)
			seen := f.walk(was, head)
			for _, later := range []uint64{head + minDropAfter - 1, head + 19, head + 20, head + 21} {
				if s := f.walk(seen.place, later); s.kind != pending && s.kind != in {
					t.Fatalf("%s: first looked at in %d, still at %+v in %d", id, head, s, later)
				}
			}
		}
	}
}

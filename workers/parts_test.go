package workers

import (
	"context"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"trackerfleet/bus"
)

func nothing(int) bool { return false }

// TestPlanLeavesLiveOwnersAlone: whatever the fleet looks like, nobody plans to take what a live worker holds.
func TestPlanLeavesLiveOwnersAlone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		names := []string{"a", "b", "c", "d"}
		var live []bus.Peer
		for _, n := range names {
			if rapid.Bool().Draw(t, "live "+n) {
				live = append(live, bus.Peer{Heartbeat: bus.Heartbeat{Worker: n, Incarnation: n + "1", Draining: rapid.Bool().Draw(t, "draining "+n)}})
			}
		}
		alive := func(o bus.Owner) bool {
			return slices.ContainsFunc(live, func(p bus.Peer) bool { return p.Worker == o.Worker && p.Incarnation == o.Incarnation })
		}
		owners := make([]bus.Owner, bus.Partitions)
		for p := range owners {
			owner := rapid.SampledFrom(names).Draw(t, "owner")
			owners[p] = bus.Owner{
				Partition: p, Epoch: uint64(p + 1), Worker: owner,
				Incarnation: owner + rapid.SampledFrom([]string{"0", "1"}).Draw(t, "life"),
				State:       rapid.SampledFrom([]bus.OwnerState{bus.Owned, bus.Released}).Draw(t, "state"),
			}
		}
		settled := rapid.Bool().Draw(t, "settled")
		claimed := make(map[int]string)
		for _, self := range live {
			for _, o := range claimPlan(self.Worker, self.Incarnation, owners, live, nothing, settled) {
				if o.State == bus.Owned && alive(o) && o.Worker != self.Worker {
					t.Fatalf("%s plans to take partition %d of %s, which lives", self.Worker, o.Partition, o.Worker)
				}
				if o.State == bus.Owned && !settled && o.Worker != self.Worker {
					t.Fatalf("%s plans to take partition %d before it has listened for a lease", self.Worker, o.Partition)
				}
				if other, ok := claimed[o.Partition]; ok && !self.Draining && other != self.Worker {
					t.Fatalf("%s and %s both plan to take partition %d", self.Worker, other, o.Partition)
				}
				if !self.Draining {
					claimed[o.Partition] = self.Worker
				}
			}
		}
	})
}

// TestPlanLeavesNothingUnowned: what is dead or free is planned for by somebody.
func TestPlanLeavesNothingUnowned(t *testing.T) {
	live := []bus.Peer{
		{Heartbeat: bus.Heartbeat{Worker: "a", Incarnation: "1"}}, {Heartbeat: bus.Heartbeat{Worker: "b", Incarnation: "1"}},
	}
	owners := make([]bus.Owner, bus.Partitions)
	for p := range owners {
		owners[p] = bus.Owner{Partition: p, Epoch: uint64(p), Worker: "dead", Incarnation: "1", State: bus.Owned}
	}
	owners[0] = bus.Owner{}
	owners[1].State, owners[1].To = bus.Released, "dead"
	planned := 0
	for _, self := range live {
		n := len(claimPlan(self.Worker, self.Incarnation, owners, live, nothing, true))
		if n < bus.Partitions/4 {
			t.Errorf("%s plans for %d of %d partitions", self.Worker, n, bus.Partitions)
		}
		planned += n
	}
	if planned != bus.Partitions {
		t.Errorf("%d partitions are planned for, want %d", planned, bus.Partitions)
	}
}

func TestDeadlinesComeInOrderOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDeadlines()
		ctx, cancel := context.WithCancel(t.Context())
		var mu sync.Mutex
		var expired []*cell
		done := make(chan struct{})
		go func() {
			defer close(done)
			d.run(ctx, func(c *cell) {
				mu.Lock()
				defer mu.Unlock()
				expired = append(expired, c)
			})
		}()
		cells := make([]*cell, 5)
		for i := range cells {
			cells[i] = new(cell)
			d.set(cells[i], time.Now().Add(time.Duration(len(cells)-i)*time.Minute))
		}
		d.remove(cells[2])
		d.set(cells[0], time.Now().Add(time.Second)) // was the last
		d.set(cells[1], time.Time{})
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		cancel()
		<-done
		if want := []*cell{cells[0], cells[4], cells[3]}; !slices.Equal(expired, want) {
			t.Errorf("expired %d cells in the wrong order or number", len(expired))
		}
		if d.heap.plans != nil || d.heap.places != nil {
			t.Error("no deadline is left, and what held them is kept")
		}
	})
}

// TestWindowCursorNeverPassesAnOpenStart compares the window with a plain set.
func TestWindowCursorNeverPassesAnOpenStart(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWindow(100, 8)
		var open []uint64
		next, low := uint64(100), uint64(100)
		for range rapid.IntRange(1, 200).Draw(t, "steps") {
			if len(open) < 8 && rapid.Bool().Draw(t, "enter") {
				next += rapid.Uint64Range(1, 3).Draw(t, "gap")
				if !w.enter(context.Background(), next, time.Unix(int64(next), 0)) {
					t.Fatal("no room")
				}
				open = append(open, next)
			} else if len(open) > 0 {
				i := rapid.IntRange(0, len(open)-1).Draw(t, "which")
				w.leave(open[i])
				w.leave(open[i]) // a second time changes nothing
				open = slices.Delete(open, i, i+1)
			}
			low = next
			for _, s := range open {
				low = min(low, s-1)
			}
			if got := w.low(); got > low {
				t.Fatalf("cursor is %d, but %d is open", got, low+1)
			}
			if len(open) == 0 && w.low() != next {
				t.Fatalf("cursor is %d though all up to %d is settled", w.low(), next)
			}
		}
	})
}

func TestWatermarkStaysBelowWhatIsInFlight(t *testing.T) {
	var w watermark
	for _, step := range []struct {
		do   func()
		want uint64
	}{
		{func() {}, 50},
		{func() { w.begin(48) }, 47},
		{func() { w.begin(48); w.begin(45) }, 44},
		{func() { w.settle(48) }, 44},
		{func() { w.settle(45) }, 47},
		{func() { w.begin(60) }, 47},
		{func() { w.settle(48) }, 50},
	} {
		step.do()
		if got := w.below(50); got != step.want {
			t.Errorf("below(50) is %d, want %d", got, step.want)
		}
	}
}

func TestBacklogHandlesEverythingOnce(t *testing.T) {
	b := newBacklog[int](3)
	ctx, cancel := context.WithCancel(t.Context())
	const n = 1000
	seen := make(chan int, n)
	var running sync.WaitGroup
	running.Go(func() { b.run(ctx, func(_ context.Context, i int) { seen <- i }) })
	for i := range n {
		b.add(i)
	}
	var got []int
	for range n {
		got = append(got, <-seen)
	}
	cancel()
	running.Wait()
	slices.Sort(got)
	for i, v := range got {
		if i != v {
			t.Fatalf("item %d is missing", i)
		}
	}
}

func parseID(t testing.TB, s string) bus.ID {
	t.Helper()
	id, err := bus.ParseID(s)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

package bubble

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"trackerfleet/integration/checker"
)

// felt counts what shows that the faults of some runs were felt.
type felt struct {
	takeovers, fenced, claims, restarts, runs, events int
}

func (f *felt) add(o felt) {
	f.takeovers += o.takeovers
	f.fenced += o.fenced
	f.claims += o.claims
	f.restarts += o.restarts
	f.runs += o.runs
	f.events += o.events
}

// TestStormsOnAFleet lets random faults strike fleets under load: nothing that was accepted is lost or done twice, no two
// workers write in one epoch, no lookup lies, and soon after the last fault every transaction has an owner.
func TestStormsOnAFleet(t *testing.T) {
	first, last := uint64(1), *seeds
	if *seed != 0 {
		first, last = *seed, *seed
	}
	var all felt
	for n := first; n <= last; n++ {
		ok := t.Run(fmt.Sprint("seed=", n), func(t *testing.T) {
			all.add(inBubble(t, func(s *site) felt { return runStorm(s, n) }))
		})
		if !ok {
			t.Fatalf("replay with: go test ./integration/bubble -run Storms -fleet.seed=%d", n)
		}
	}
	t.Logf("%d seeds: %+v", last-first+1, all)
	if *seed == 0 && all.fenced == 0 {
		t.Error("void: the fence refused nothing in all of these storms")
	}
}

func runStorm(on *site, seed uint64) felt {
	s, t := &storm{site: on}, on.t
	s.joinAll(3)
	c := newClient(s.site)
	ctx, calm := context.WithCancel(t.Context())
	var clients sync.WaitGroup
	clients.Go(func() { c.load(ctx, seed) })
	s.run(planOf(seed))
	healed := time.Now()
	calm()
	clients.Wait()
	c.awaitOwners(healed)
	c.stopAll()
	v, evidence := c.judge(seed, s.fenced())
	c.owners.Stop()
	s.end()
	if v.Outcome != checker.Held {
		t.Errorf("%s\n%v", v, planOf(seed))
	}
	for _, lie := range c.lies {
		t.Error(lie)
	}
	return evidence
}

package bubble

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"trackerfleet/integration/checker"
)

// TestStormsOnAFleet lets random faults strike fleets under load: nothing that was accepted is lost or done twice, no two
// workers write in one epoch, no lookup lies, and soon after the last fault every transaction has an owner.
func TestStormsOnAFleet(t *testing.T) {
	all := tally{}
	switch {
	case *seed != 0:
		all = storms(t, *seed, 1)
	case *processes > 1:
		all = spread(t, *first, *seeds, *processes)
	default:
		all = storms(t, *first, *seeds)
	}
	if *tallyFile != "" {
		leave(t, *tallyFile, all)
		return
	}
	t.Log(all)
	if *seed == 0 && (all.Fenced == 0 || all.Refused == 0) {
		t.Error("void: the fence refused nothing in all of these storms")
	}
	for _, k := range kinds {
		if all.Seeds >= 20 && all.Faults[k] == 0 {
			t.Errorf("void: no %s in all of these storms", k)
		}
	}
}

// storms runs some seeds one after the other, up to the first that fails: bubbles cannot be side by side in one process.
func storms(t *testing.T, first, count uint64) (all tally) {
	for n := first; n < first+count; n++ {
		ok := t.Run(fmt.Sprint("seed=", n), func(t *testing.T) {
			all.add(inBubble(t, func(s *site) tally { return runStorm(s, n) }))
		})
		if !ok {
			t.Fatalf("replay with: go test ./integration/bubble -run Storms -fleet.seed=%d", n)
		}
	}
	return all
}

func runStorm(on *site, seed uint64) tally {
	on.chain = on.stormyChain(seed)
	s, t := &storm{site: on, struck: make(map[kind]int)}, on.t
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
	evidence.Faults, evidence.Refused = s.struck, int(on.refused.Load())
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

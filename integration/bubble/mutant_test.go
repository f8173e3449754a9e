package bubble

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"trackerfleet/integration/checker"
)

// TestOnlyTheFenceStopsAZombie lets a worker fall silent while it stores the ends of transactions, has it taken over, and then
// delivers what it had to say: nothing of it counts. Workers whose writes are not fenced are caught by the checker.
func TestOnlyTheFenceStopsAZombie(t *testing.T) {
	for _, tc := range []struct {
		name     string
		mutation tamperer
		want     checker.Outcome
	}{
		{"fenced", nil, checker.Held},
		{"fence header dropped", dropFence, checker.Violated},
		{"everything by put", dropConditions, checker.Violated},
	} {
		t.Run(tc.name, func(t *testing.T) {
			v := inBubble(t, func(s *site) checker.Verdict {
				s.said = tc.mutation
				return zombie(s)
			})
			if v.Outcome != tc.want {
				t.Errorf("want %s: %s", tc.want, v)
			}
			if v.Outcome == checker.Violated && v.Violations[0].Invariant != 4 {
				t.Errorf("violated for another reason: %s", v)
			}
		})
	}
}

// spawnSome starts transactions that come to no end by themselves, and returns those that are on the first worker.
func (s *storm) spawnSome(c *client) (on []string) {
	for i := range 40 {
		id := fmt.Sprint("t", i)
		c.spawn(id, "pending")
		if c.where(id).Worker == s.here[0].Name() {
			on = append(on, id)
		}
	}
	return on
}

// zombie returns the verdict on a fleet with a worker that was taken for dead while it wrote.
func zombie(on *site) checker.Verdict {
	s := &storm{site: on}
	s.joinAll(2)
	time.Sleep(4 * lease) // for the partitions to be dealt out evenly
	c := newClient(on)
	doomed := s.spawnSome(c)
	time.Sleep(lease)
	s.here[0].gate.mute()
	var asking sync.WaitGroup
	for _, id := range doomed {
		asking.Go(func() { c.stop(id) })
	}
	claims := on.newClaims()
	on.awaitTakenFrom(claims, on.parseID(doomed[0]), s.here[0].Name())
	s.here[0].gate.resume()
	asking.Wait()
	time.Sleep(2 * lease)
	c.stopAll()
	v, f := c.judge(0, s.fenced())
	if s.said == nil && f.Fenced == 0 {
		s.t.Error("void: the fence refused nothing")
	}
	c.owners.Stop()
	s.end()
	if err := claims.Close(); err != nil {
		s.t.Error(err)
	}
	return v
}

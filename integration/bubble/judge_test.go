package bubble

import (
	"fmt"
	"time"

	"trackerfleet/integration/checker"
)

// ownedWithin is the bound after the last fault: a lease of silence, and what the rest takes.
const ownedWithin = lease + 2*time.Second + lease

// awaitOwners waits until an owner answers for every transaction that was accepted, and fails when that takes too long.
func (c *client) awaitOwners(healed time.Time) {
	if fault := c.unowned(healed); fault != "" {
		c.t.Error(fault)
	}
}

// unowned waits as awaitOwners does, and says what took too long; "" when nothing did.
func (c *client) unowned(healed time.Time) string {
	for _, start := range c.accepted {
		for !c.lookup(start.ID) {
			if took := time.Since(healed); took > ownedWithin {
				return fmt.Sprintf("%v after the last fault %s has no owner", took, start.ID)
			}
			time.Sleep(lease / 10)
		}
	}
	return ""
}

// stopAll ends the transactions that come to no end by themselves.
func (c *client) stopAll() {
	for _, id := range c.ids {
		if c.params[id] != `{"outcome":"pending"}` {
			continue
		}
		for begin := time.Now(); !c.stop(id); time.Sleep(lease / 10) {
			if time.Since(begin) > time.Minute {
				c.t.Errorf("%s cannot be stopped", id)
				return
			}
		}
	}
}

// judge waits until everything has come to its end, or for a minute, and returns the checker's verdict. It is void without a
// takeover.
func (c *client) judge(seed uint64, fenced int) (v checker.Verdict, a tally) {
	return c.judgeBy(seed, fenced, func(a tally) map[string]int { return map[string]int{"takeover": a.Takeovers} })
}

// judgeBy judges, by other evidence that the faults were felt.
func (c *client) judgeBy(seed uint64, fenced int, evidence func(tally) map[string]int) (v checker.Verdict, a tally) {
	for begin := time.Now(); time.Since(begin) < time.Minute; time.Sleep(lease) {
		history, err := checker.Read(c.t.Context(), c.js, "TRACKER")
		if err != nil {
			c.t.Fatal(err)
		}
		claims := c.owners.Claims()
		a = tallyOf(history.Events, claims, c.accepted)
		a.Seeds, a.Fenced = 1, fenced
		v = checker.Check(history, checker.Expectation{
			Accepted: c.accepted, Uncertain: c.uncertain, Finished: true, Truth: c.truth, Seed: seed, Claims: claims,
			Evidence: evidence(a),
		})
		if v.Outcome == checker.Held {
			break
		}
	}
	return v, a
}

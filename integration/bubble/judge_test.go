package bubble

import (
	"slices"
	"time"

	"trackerfleet/integration/checker"
)

// ownedWithin is the bound after the last fault: a lease of silence, and what the rest takes.
const ownedWithin = lease + 2*time.Second + lease

// awaitOwners waits until an owner answers for every transaction that was accepted, and fails when that takes too long.
func (c *client) awaitOwners(healed time.Time) {
	for _, start := range c.accepted {
		for !c.lookup(start.ID) {
			if took := time.Since(healed); took > ownedWithin {
				c.t.Errorf("%v after the last fault %s has no owner", took, start.ID)
				return
			}
			time.Sleep(lease / 10)
		}
	}
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
func (c *client) judge(seed uint64, fenced int) (v checker.Verdict, f felt) {
	return c.judgeBy(seed, fenced, func(f felt) map[string]int { return map[string]int{"takeover": f.takeovers} })
}

// judgeBy judges, by other evidence that the faults were felt.
func (c *client) judgeBy(seed uint64, fenced int, evidence func(felt) map[string]int) (v checker.Verdict, f felt) {
	for begin := time.Now(); time.Since(begin) < time.Minute; time.Sleep(lease) {
		history, err := checker.Read(c.t.Context(), c.js, "TRACKER")
		if err != nil {
			c.t.Fatal(err)
		}
		f = feltIn(history.Events)
		f.fenced = fenced
		v = checker.Check(history, checker.Expectation{
			Accepted: c.accepted, Uncertain: c.uncertain, Finished: true, Truth: c.truth, Seed: seed,
			Claims:   c.owners.Claims(),
			Evidence: evidence(f),
		})
		if v.Outcome == checker.Held {
			break
		}
	}
	f.runs, f.events, f.claims = v.Runs, v.Events, len(c.owners.Claims())
	return v, f
}

// feltIn counts in the events where another worker went on, and where a tracker came back from a crash.
func feltIn(events []checker.Event) (f felt) {
	last := make(map[string]string)
	for _, e := range events {
		if before, seen := last[e.ID]; seen && before != e.Worker {
			f.takeovers++
		}
		last[e.ID] = e.Worker
	}
	restarted := slices.DeleteFunc(slices.Clone(events), func(e checker.Event) bool { return e.Type != "restarted" })
	f.restarts = len(restarted)
	return f
}

package bubble

import (
	"testing"
	"time"

	"trackerfleet/integration/checker"
)

// TestDowntimeCountsTowardsDeadlines kills the whole fleet and brings it back much later: what had less time left than that expires
// with the next owner, once, and what had more runs on.
func TestDowntimeCountsTowardsDeadlines(t *testing.T) {
	inBubble(t, func(on *site) (none struct{}) {
		s := &storm{site: on}
		s.joinAll(2)
		c := newClient(on)
		for id, timeout := range map[string]string{"short": "30s", "long": "20m"} {
			body := `{"transaction_id":"` + id + `","params":{"outcome":"pending"},"timeout":"` + timeout + `"}`
			if a := c.ask("spawn", id, body); a.Status != "created" {
				t.Errorf("%s is %+v", id, a)
			}
		}
		for _, m := range s.here {
			s.kill(m)
		}
		s.here = nil
		time.Sleep(5 * time.Minute)
		risen := time.Now()
		s.joinAll(1)
		c.ids, c.params["long"] = []string{"long"}, `{"outcome":"pending"}`
		c.accepted = []checker.Start{{ID: "long", Run: 1}}
		c.awaitOwners(risen)
		for begin := time.Now(); c.ask("lookup", "short", "short").Tracker.Phase != "finished"; time.Sleep(lease / 10) {
			if time.Since(begin) > lease {
				t.Errorf("what was overdue by minutes does not expire")
				break
			}
		}
		if a := c.ask("lookup", "long", "long"); a.Tracker.Phase != "running" {
			t.Errorf("what had a quarter of an hour left is %+v", a)
		}
		history, err := checker.Read(s.t.Context(), s.js, "TRACKER")
		if err != nil {
			t.Error(err)
		}
		expired := 0
		for _, e := range history.Events {
			if e.Type == "expired" {
				expired++
				if e.ID != "short" || e.At.Before(risen) {
					t.Errorf("expired is %s", e)
				}
			}
		}
		if expired != 1 {
			t.Errorf("%d have expired, want one", expired)
		}
		c.owners.Stop()
		s.end()
		return none
	})
}

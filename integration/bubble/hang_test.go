package bubble

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"trackerfleet/integration/checker"
	"trackerfleet/supervision"
)

// shutdown is how long a tracker is given to end.
const shutdown = 5 * time.Second

// spawnLate starts a transaction that is confirmed some 30 s later, and whose tracker is wrecked as planned; "": it is not.
func (c *client) spawnLate(id, plan string) {
	c.t.Helper()
	params := `{"outcome":"confirm","confirmations":60}`
	if plan != "" {
		params = fmt.Sprintf(`{"outcome":"confirm","confirmations":60,"wreck":%s}`, plan)
	}
	c.mu.Lock()
	c.params[id] = params
	c.mu.Unlock()
	if a := c.ask("spawn", id, c.body(id, "")); a.Status != "created" {
		c.t.Fatalf("spawn of %s: %+v", id, a)
	}
	c.note(id, true)
}

// hang has trackers hang in a call, from which nobody gets an answer.
func (c *client) hang(m *member, ids []string) {
	c.t.Helper()
	before := m.wreck.Deeds()
	var asking sync.WaitGroup
	for _, id := range ids {
		asking.Go(func() {
			if a := c.ask("call", id, fmt.Sprintf(`{"transaction_id":%q,"op":"refresh"}`, id)); a.Status == "ok" {
				c.t.Errorf("%s does not hang", id)
			}
		})
	}
	asking.Wait()
	if n := m.wreck.Deeds() - before; n != len(ids) {
		c.t.Fatalf("%d trackers hang, want %d", n, len(ids))
	}
}

// hangs is the plan of a tracker that hangs when it is asked to look again.
const hangs = `{"at":"refresh","deed":"hang"}`

// TestHungTrackersHoldNoDrainUp: a worker with trackers that neither return nor heed their cancellation leaves in good order,
// in a time that does not depend on how many they are. They are given up by ID with their stacks; their successors decide, and
// nothing that they say later counts.
func TestHungTrackersHoldNoDrainUp(t *testing.T) {
	for _, hung := range []int{1, 40} {
		t.Run(fmt.Sprint(hung, " hang"), func(t *testing.T) {
			inBubble(t, func(s *site) checker.Verdict { return drainHung(s, hung) })
		})
	}
}

func drainHung(on *site, hung int) checker.Verdict {
	s, t := &storm{site: on}, on.t
	s.joinAll(2)
	time.Sleep(4 * lease) // for the partitions to be dealt out evenly
	c, leaving := newClient(on), s.here[0]
	var here, well []string
	for i := 0; len(here) < hung || len(well) < 2*hung; i++ {
		id := fmt.Sprint("t", i)
		plan := ""
		if i%3 == 0 {
			plan = hangs
		}
		c.spawnLate(id, plan)
		switch {
		case plan == "":
			well = append(well, id)
		case len(here) < hung && c.where(id).Worker == leaving.Name():
			here = append(here, id)
		}
	}
	c.hang(leaving, here)

	begun := time.Now()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	var report *supervision.StopError
	if err := leaving.stop(ctx); err != nil && (!errors.As(err, &report) || len(report.Remaining) > 0) {
		t.Errorf("the worker left with %v", err)
	}
	took := time.Since(begun)
	t.Logf("with %d trackers that hang a worker leaves in %v", hung, took.Round(time.Millisecond))
	if took > 3*shutdown {
		t.Errorf("a drain with %d trackers that hang took %v", hung, took)
	}
	c.wantReported(leaving, here)
	leaving.wreck.Release()
	v, f := c.judge(0, 0)
	if v.Outcome != checker.Held || f.Takeovers < hung {
		t.Errorf("%d takeovers: %s", f.Takeovers, v)
	}
	leaving.close()
	s.here = slices.DeleteFunc(s.here, func(m *member) bool { return m == leaving })
	c.owners.Stop()
	s.end()
	return v
}

// wantReported wants every tracker that hangs to be counted, and logged by its ID with the stack where it hangs.
func (c *client) wantReported(m *member, ids []string) {
	c.t.Helper()
	if n := m.Stats().Trackers.Abandoned; n != len(ids) {
		c.t.Errorf("%d goroutines are counted as given up, want %d", n, len(ids))
	}
	log := strings.Split(c.logged.String(), "\n")
	for _, id := range ids {
		told := slices.ContainsFunc(log, func(line string) bool {
			return strings.Contains(line, "is abandoned") && strings.Contains(line, fmt.Sprintf("%q", id)) &&
				strings.Contains(line, "(*Wreck).strike")
		})
		if !told {
			c.t.Errorf("the log does not say that %s hangs, and where", id)
		}
	}
}

// TestHungTrackerCanBeEnded: whoever stops a tracker that hangs is answered, and its deadline ends it as well.
func TestHungTrackerCanBeEnded(t *testing.T) {
	inBubble(t, func(on *site) checker.Verdict {
		s := &storm{site: on}
		s.joinAll(1)
		c, m := newClient(on), s.here[0]
		c.spawnLate("stopped", hangs)
		c.params["late"] = `{"outcome":"pending","wreck":` + hangs + `}`
		body := fmt.Sprintf(`{"transaction_id":"late","timeout":"10s","params":%s}`, c.params["late"])
		if a := c.ask("spawn", "late", body); a.Status != "created" {
			on.t.Fatalf("spawn: %+v", a)
		}
		c.note("late", true)
		c.hang(m, []string{"stopped", "late"})
		for begun := time.Now(); !c.stop("stopped"); {
			if time.Since(begun) > 3*shutdown {
				on.t.Fatal("it cannot be stopped")
			}
		}
		if a := c.where("stopped"); a.Phase != "finished" {
			on.t.Errorf("it is %+v", a)
		}
		for begun := time.Now(); c.where("late").Phase != "finished"; time.Sleep(time.Second) {
			if time.Since(begun) > 10*time.Second+3*shutdown {
				on.t.Fatal("it outlives its deadline")
			}
		}
		time.Sleep(2 * shutdown)
		c.wantReported(m, []string{"stopped", "late"})
		m.wreck.Release()
		v, _ := c.judgeBy(0, 0, func(tally) map[string]int { return map[string]int{"deed": m.wreck.Deeds()} })
		if v.Outcome != checker.Held {
			on.t.Error(v)
		}
		c.owners.Stop()
		s.end()
		return v
	})
}

// TestTrackerThatHangsInItsInitIsParked: it is given up after a while and says why it does not run; retry brings it back, and what the
// first Init does when it returns after all is undone.
func TestTrackerThatHangsInItsInitIsParked(t *testing.T) {
	inBubble(t, func(on *site) (none struct{}) {
		s, t := &storm{site: on}, on.t
		s.joinAll(1)
		c, m := newClient(on), s.here[0]
		c.params["one"] = `{"outcome":"pending","wreck":{"at":"watch","once":true,"deed":"hang"}}`
		c.spawn("one", "")
		c.spawn("other", "pending")
		time.Sleep(shutdown)
		if is := c.where("one"); is.Phase != "parked" {
			t.Errorf("it is %+v", is)
		}
		c.wantReported(m, []string{"one"})
		if a := c.ask("retry", "one", "one"); a.Status != "resumed" {
			t.Errorf("retry: %+v", a)
		}
		m.wreck.Release()
		time.Sleep(time.Second)
		if n := m.Stats().Sources["sim"].Watched; n != 2 {
			t.Errorf("%d transactions are watched, want 2", n)
		}
		if is, other := c.where("one"), c.where("other"); is.Phase != "running" || other.Phase != "running" || other.Incarnation != 1 {
			t.Errorf("they are %+v and %+v", is, other)
		}
		if n := m.Stats().Trackers.Abandoned; n > 0 {
			t.Errorf("%d goroutines are given up still", n)
		}
		c.owners.Stop()
		s.end()
		return none
	})
}

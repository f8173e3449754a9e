package bubble

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"trackerfleet/bus"
)

// The cases in this file are those of others' tests, restated: Horde's of nodes that fail and of processes that move, Orleans'
// of leases.

// owned starts transactions that come to no end by themselves until a worker has n of them, and returns those.
func (c *client) owned(m *member, prefix string, n int) (ids []string) {
	c.t.Helper()
	for i := 0; len(ids) < n; i++ {
		id := fmt.Sprint(prefix, i)
		c.spawn(id, "pending")
		if c.where(id).Worker == m.Name() {
			ids = append(ids, id)
		}
	}
	return ids
}

// unborn returns an ID that nobody has started, of the partition of another.
func (s *site) unborn(like string, nth int) bus.ID {
	s.t.Helper()
	p := s.parseID(like).Partition()
	for i := 0; ; i++ {
		if id := s.parseID(fmt.Sprint("unborn", i)); id.Partition() == p {
			if nth--; nth < 0 {
				return id
			}
		}
	}
}

// newSpawner returns the fleet's own client.
func (s *site) newSpawner() *bus.Client {
	s.t.Helper()
	spawner, err := bus.NewClient(s.nc, bus.ClientConfig{})
	if err != nil {
		s.t.Fatal(err)
	}
	return spawner
}

func start(id bus.ID) bus.StartRequest {
	return bus.StartRequest{TransactionID: id, Params: []byte(`{"outcome":"pending"}`)}
}

// TestTwoHundredNamesOutliveAWorker kills one of three workers with 200 names: they are all there again within a lease and what
// loading takes, there is never one too many, and those of the others stay as they are.
func TestTwoHundredNamesOutliveAWorker(t *testing.T) {
	inBubble(t, func(on *site) (none struct{}) {
		const names = 200
		s, t := &storm{site: on}, on.t
		s.joinAll(3)
		time.Sleep(4 * lease) // for the partitions to be dealt out evenly
		c := newClient(on)
		before := make(map[string]place)
		for i := range names {
			id := fmt.Sprint("t", i)
			c.spawn(id, "pending")
			before[id] = c.where(id)
		}
		dead, others := s.here[0], s.here[1:]
		s.here = others
		running := func() (n int) {
			for _, m := range others {
				n += m.Stats().Trackers.Running
			}
			return n
		}
		fewest := names - dead.Stats().Trackers.Running
		if fewest == names {
			t.Fatal("void: nothing ran on the worker that is killed")
		}
		s.kill(dead)
		killed := time.Now()
		for n := running(); n != names; n = running() {
			if n < fewest || n > names {
				t.Fatalf("%d trackers run after %v", n, time.Since(killed))
			}
			if time.Since(killed) > lease+2*time.Second {
				t.Fatalf("%d of %d trackers run after %v", n, names, time.Since(killed))
			}
			time.Sleep(10 * time.Millisecond)
		}
		t.Logf("all %d run %v after the kill", names, time.Since(killed).Round(time.Millisecond))
		for end := time.Now().Add(2 * lease); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
			if n := running(); n != names {
				t.Fatalf("%d trackers run", n)
			}
		}
		for id, was := range before {
			if is := c.where(id); was.Worker != dead.Name() && is != was || is.Phase != "running" {
				t.Errorf("%s was %+v and is %+v", id, was, is)
			}
		}
		c.owners.Stop()
		s.end()
		return none
	})
}

// spawnSlow starts a transaction whose tracker takes its time to end, on a worker and in no partition of the others.
func (c *client) spawnSlow(m *member, others []string) string {
	c.t.Helper()
	taken := make(map[int]bool)
	for _, id := range others {
		taken[c.parseID(id).Partition()] = true
	}
	like := c.owned(m, "like", 40)
	for _, l := range like {
		if p := c.parseID(l).Partition(); !taken[p] {
			id := c.unborn(l, 0).String()
			c.spawnLate(id, `{"at":"close","deed":"hang"}`)
			return id
		}
	}
	c.t.Fatal("no partition is left")
	return ""
}

// TestSlowTrackerMovesOnceItHasEnded drains a worker with a tracker whose Terminate takes its time: its successor runs once
// that has returned, and not before; the others do not wait for it.
func TestSlowTrackerMovesOnceItHasEnded(t *testing.T) {
	inBubble(t, func(on *site) (none struct{}) {
		s, t := &storm{site: on}, on.t
		s.joinAll(2)
		time.Sleep(4 * lease) // for the partitions to be dealt out evenly
		c := newClient(on)
		drained, next := s.here[0], s.here[1]
		quick := c.owned(drained, "quick", 20)
		slow := c.spawnSlow(drained, quick)
		s.ending.Go(func() {
			if _, err := s.nc.Request("tracker.drain", []byte(drained.Name()), time.Minute); err != nil {
				t.Error(err)
			}
		})
		time.Sleep(shutdown / 2)
		if n := drained.Stats().Partitions; n != 1 {
			t.Errorf("%d partitions are where they were, 1 has a tracker that has not ended", n)
		}
		if is := c.where(slow); is.Worker != drained.Name() || is.Phase == "running" {
			t.Errorf("while it ends it is %+v", is)
		}
		for _, id := range quick {
			if is := c.where(id); is.Worker != next.Name() || is.Phase != "running" {
				t.Errorf("while another one ends %s is %+v", id, is)
			}
		}
		drained.wreck.Release()
		time.Sleep(lease)
		if is := c.where(slow); is.Worker != next.Name() || is.Phase != "running" {
			t.Errorf("when it has ended it is %+v", is)
		}
		if n := drained.Stats().Abandoned; n > 0 {
			t.Errorf("%d goroutines were given up", n)
		}
		next.wreck.Release()
		c.owners.Stop()
		s.end()
		return none
	})
}

// TestStartWaitsForTheLeaseOfADeadOwner: a start while nobody has its partition waits and wins, one that was given up meanwhile
// never comes about, and after a worker that has left in good order nobody waits.
func TestStartWaitsForTheLeaseOfADeadOwner(t *testing.T) {
	inBubble(t, func(on *site) (none struct{}) {
		s, t := &storm{site: on}, on.t
		s.joinAll(3)
		time.Sleep(4 * lease) // for the partitions to be dealt out evenly
		c, spawner := newClient(on), on.newSpawner()
		dead, leaver := s.here[0], s.here[1]
		his := c.owned(dead, "dead", 1)[0]
		waits, cancelled, late := on.unborn(his, 0), on.unborn(his, 1), on.unborn(c.owned(leaver, "left", 1)[0], 0)
		s.kill(dead)
		s.here = s.here[1:]
		killed := time.Now()
		hasty, cancel := context.WithTimeout(t.Context(), lease/4)
		defer cancel()
		if r, err := spawner.Spawn(hasty, start(cancelled)); err == nil {
			t.Errorf("while nobody owns its partition a start is answered with %+v", r)
		}
		patient, cancel := context.WithTimeout(t.Context(), 3*lease)
		defer cancel()
		r, err := spawner.Spawn(patient, start(waits))
		if err != nil || r.Status != bus.SpawnCreated {
			t.Fatalf("spawn: %+v, %v", r, err)
		}
		if waited := time.Since(killed); waited < lease*3/4 {
			t.Errorf("void: it waited for %v", waited)
		}
		time.Sleep(2 * lease)
		if _, err := spawner.Lookup(t.Context(), cancelled); !errors.Is(err, bus.ErrNotFound) {
			t.Errorf("a start that was given up is there: %v", err)
		}
		s.leave(leaver, time.Minute)
		s.here = s.here[1:]
		time.Sleep(time.Millisecond)
		left := time.Now()
		if r, err := spawner.Spawn(t.Context(), start(late)); err != nil || r.Status != bus.SpawnCreated {
			t.Errorf("spawn: %+v, %v", r, err)
		}
		if waited := time.Since(left); waited > lease/3 {
			t.Errorf("after a worker has left in good order a start waits for %v", waited)
		}
		c.owners.Stop()
		s.end()
		return none
	})
}

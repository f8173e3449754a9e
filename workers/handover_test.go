package workers

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"trackerfleet/bus"
)

// TestJoinerGetsItsShareAndTrackersLiveOn: hand-over keeps identity in order, state, and every event.
func TestJoinerGetsItsShareAndTrackersLiveOn(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	first := s.worker("w-1", nil)
	const n = 60
	for i := range n {
		s.request("spawn", fmt.Sprintf(`{"transaction_id":"t%d",%s,"labels":{"i":"%d"}}`, i, waits, i))
	}
	second := s.worker("w-2", nil)
	eventually(t, "halves", func() bool {
		return first.workload().Partitions == bus.Partitions/2 && second.workload().Partitions == bus.Partitions/2
	})
	eventually(t, "loaded", func() bool { return first.unserved() == 0 && second.unserved() == 0 })
	if moved := second.Stats().PartitionMoves; moved != bus.Partitions/2 {
		t.Errorf("%d partitions moved, want %d", moved, bus.Partitions/2)
	}
	workers := make(map[any]int)
	for i := range n {
		id := fmt.Sprintf("t%d", i)
		found := s.request("lookup", id)
		if path(found, "tracker", "labels", "i") != fmt.Sprint(i) || found["stale"] != false {
			t.Errorf("lookup of %s answered %v", id, found)
		}
		workers[path(found, "tracker", "worker")]++
		if answer := s.request("stop", id); answer["status"] != "stopped" {
			t.Errorf("stop of %s answered %v", id, answer)
		}
		if types := s.eventTypes(id); slices.Contains(types[1:], "started") || types[len(types)-1] != "stopped" {
			t.Errorf("events of %s are %v", id, types)
		}
	}
	if len(workers) != 2 {
		t.Errorf("trackers run on %v", workers)
	}
}

func TestDrainHandsOverEverythingAndTakesNothingBack(t *testing.T) {
	s := newSite(t)
	first := s.worker("w-1", nil)
	s.request("spawn", `{"transaction_id":"one",`+waits+`}`)
	if answer := s.request("drain", "w-1"); path(answer, "error", "code") != "unavailable" {
		t.Errorf("drain of the only worker answered %v", answer)
	}
	first.draining.Store(false)
	second := s.worker("w-2", nil)
	if answer := s.request("drain", "w-3"); path(answer, "error", "code") != "not_found" {
		t.Errorf("drain of nobody answered %v", answer)
	}
	if answer := s.request("drain", `{"worker":"w-1"}`); answer["worker"] != "w-1" {
		t.Errorf("drain answered %v", answer)
	}
	eventually(t, "everything is at the second", func() bool {
		return first.workload().Partitions == 0 && second.workload().Partitions == bus.Partitions && second.unserved() == 0
	})
	if answer := s.request("lookup", "one"); path(answer, "tracker", "worker") != "w-2" {
		t.Errorf("lookup answered %v", answer)
	}
}

func TestDeadWorkersPartitionsAreTakenOver(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	first, second := s.worker("w-1", nil), s.worker("w-2", nil)
	eventually(t, "halves", func() bool { return first.workload().Partitions == second.workload().Partitions })
	for i := range 20 {
		s.request("spawn", fmt.Sprintf(`{"transaction_id":"t%d",%s}`, i, waits))
	}
	// As kill -9 does: the connections are gone from one moment to the next.
	first.nc.Close()
	first.pulseNC.Close()
	eventually(t, "taken over", func() bool { return second.workload().Partitions == bus.Partitions && second.unserved() == 0 })
	for i := range 20 {
		found := s.request("lookup", fmt.Sprintf("t%d", i))
		if path(found, "tracker", "worker") != "w-2" || found["stale"] != false {
			t.Errorf("lookup answered %v", found)
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	if err := first.Stop(ctx); err == nil {
		t.Error("a worker without a connection says that it left in good order")
	}
}

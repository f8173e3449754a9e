package workers

import (
	"testing"

	"trackerfleet/bus"
)

// TestDrainHandsOverWhatIsNotLoadedYet: a worker that leaves loads nothing more, so what it has just claimed must not be waited for.
func TestDrainHandsOverWhatIsNotLoadedYet(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	first, second := s.worker("w-1", nil), s.worker("w-2", nil)
	eventually(t, "halves", func() bool {
		return first.workload().Partitions == second.workload().Partitions && first.unserved() == 0 && second.unserved() == 0
	})
	for _, p := range first.partitions {
		if p.owned() {
			p.enter(loading) // as between the claim and the load
			break
		}
	}
	if answer := s.request("drain", "w-1"); answer["worker"] != "w-1" {
		t.Errorf("drain answered %v", answer)
	}
	eventually(t, "everything is at the second", func() bool {
		return second.workload().Partitions == bus.Partitions && second.unserved() == 0
	})
}

// TestPartitionsGoToOneWorkerAtATime: to many at once each would be flushed to, claimed and loaded by itself.
func TestPartitionsGoToOneWorkerAtATime(t *testing.T) {
	w := &Worker{cfg: Config{Name: "w-1"}}
	wish := make([]string, bus.Partitions)
	for p := range wish {
		wish[p] = []string{"w-1", "w-2", "w-3", "w-3"}[p%4]
		w.partitions[p] = &partition{number: p}
		w.partitions[p].epoch.Store(1)
		w.partitions[p].enter(serving)
	}
	if groups := w.surplus(wish, 8); len(groups) != 1 || len(groups["w-3"]) != 8 {
		t.Errorf("8 of 192 go to %d workers, %d to the one that gets the most", len(groups), len(groups["w-3"]))
	}
	if groups := w.surplus(wish, 130); len(groups["w-3"]) != 128 || len(groups["w-2"]) != 2 {
		t.Errorf("130 go to w-3: %d, w-2: %d", len(groups["w-3"]), len(groups["w-2"]))
	}
	if groups := w.surplus(wish, 0); len(groups) != 0 {
		t.Errorf("without room %d workers get something", len(groups))
	}
}

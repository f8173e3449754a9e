package workers

import (
	"context"
	"errors"
	"testing"
	"time"

	"trackerfleet/bus"
	"trackerfleet/workers/source"
	"trackerfleet/workers/tracker"
)

// storedCell makes a cell of a record that is stored, as load does.
func storedCell(t *testing.T, s *site, w *Worker, id string) (*cell, *bus.Record) {
	t.Helper()
	parsed := parseID(t, id)
	stored, err := w.records.Get(t.Context(), bus.StateSubject(parsed))
	if err != nil || stored == nil {
		t.Fatalf("record of %s: %v, %v", id, stored, err)
	}
	child, ok := w.names.Lookup(id)
	if !ok {
		t.Fatalf("%s does not run", id)
	}
	return cellOf(child), stored
}

// TestTrackerThatIsJustEndingIsNotTakenForALiveOne: after a loss the name may still be taken by what is being ended.
func TestTrackerThatIsJustEndingIsNotTakenForALiveOne(t *testing.T) {
	s := newSite(t)
	w := s.worker("w-1", nil)
	s.request("spawn", `{"transaction_id":"one",`+waits+`}`)
	old, stored := storedCell(t, s, w, "one")
	old.end() // as drop does, before it is retired
	restored := make(chan bool, 1)
	go func() { restored <- w.restore(t.Context(), stored, map[int]tenure{old.part.number: old.part.tenure()}) }()
	select {
	case <-restored:
		t.Error("the record was given to a tracker that is ending")
	case <-time.After(50 * time.Millisecond):
	}
	w.finished.add(old)
	if !<-restored {
		t.Fatal("the record has no tracker")
	}
	if again, ok := w.here(old.record.Load().ID()); !ok || again == old || again.over() {
		t.Errorf("no new tracker runs: %v", ok)
	}
}

// TestRecordReadInAnEarlierTenureMakesNoTracker: another worker may have written it since.
func TestRecordReadInAnEarlierTenureMakesNoTracker(t *testing.T) {
	s := newSite(t)
	w := s.worker("w-1", nil)
	s.request("spawn", `{"transaction_id":"one",`+waits+`}`)
	c, stored := storedCell(t, s, w, "one")
	before := c.part.tenure()
	w.drop(c.part)
	eventually(t, "claimed and loaded again", func() bool { return c.part.is(serving) })
	s.request("stop", "one")
	if w.restore(t.Context(), stored, map[int]tenure{c.part.number: before}) {
		t.Error("a record of an earlier tenure was restored")
	}
	record := c.record.Load()
	if _, err := w.revive(t.Context(), c.part, before, record, stored.Revision); !errors.Is(err, errNotMine) {
		t.Errorf("revive returned %v, want %v", err, errNotMine)
	}
}

// TestRunThatEndedWhileItsPartitionWasLoadedIsNotRevived: the scan may come upon the record from before.
func TestRunThatEndedWhileItsPartitionWasLoadedIsNotRevived(t *testing.T) {
	s := newSite(t)
	w := s.worker("w-1", nil)
	s.request("spawn", `{"transaction_id":"one",`+waits+`}`)
	c, stored := storedCell(t, s, w, "one")
	c.part.enter(loading)
	s.request("stop", "one")
	if w.restore(t.Context(), stored, map[int]tenure{c.part.number: c.part.tenure()}) {
		t.Error("an ended run was restored from an old record")
	}
	c.part.loaded(c.part.tenure())
	if !c.part.is(serving) || c.part.hasFinished(c.record.Load().ID()) {
		t.Error("the partition remembers more than it must")
	}
}

// TestLoadThatIsEndedHasNotLoaded: what was read and not restored yet must not count as served.
func TestLoadThatIsEndedHasNotLoaded(t *testing.T) {
	w := newSite(t).worker("w-1", func(cfg *Config) { cfg.Sources = map[string]source.Source{"still": still{}} })
	id := parseID(t, "one")
	data, err := tracker.Encode(tracker.Start(time.Now(), bus.StartRequest{TransactionID: id, Source: "still"}, bus.Trace{}).Next)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	part := w.partitions[id.Partition()]
	n, err := w.restoreAll(ctx, func(yield func(*bus.Record, error) bool) {
		cancel()
		yield(&bus.Record{Subject: bus.StateSubject(id), Revision: 1, Data: data}, nil)
	}, map[int]tenure{part.number: part.tenure()})
	if err == nil {
		t.Errorf("%d of 1 restored, and no error: the partition counts as loaded", n)
	}
}

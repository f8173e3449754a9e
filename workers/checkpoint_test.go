package workers

import (
	"context"
	"errors"
	"testing"
	"time"

	"trackerfleet/bus"
	"trackerfleet/supervision"
	"trackerfleet/workers/source"
)

// TestParkedTrackerHoldsBackItsOwnPartitionOnly: it does not see what its source hands over, and may stay so for days.
func TestParkedTrackerHoldsBackItsOwnPartitionOnly(t *testing.T) {
	s := newSite(t)
	change := func(c *Config) {
		c.CheckpointEvery = 200 * time.Millisecond
		c.Restarts = supervision.Intensity{MaxRestarts: -1}
	}
	w := s.worker("w-1", change)
	s.request("spawn", `{"transaction_id":"wonky",`+waits+`}`)
	s.request("call", `{"transaction_id":"wonky","op":"crash"}`)
	parked := func() bool { return path(s.request("lookup", "wonky"), "tracker", "phase") == "parked" }
	eventually(t, "parked", parked)
	id := parseID(t, "wonky")
	holds := func(w *Worker) {
		t.Helper()
		own, other := w.partitions[id.Partition()], w.partitions[(id.Partition()+1)%bus.Partitions]
		goOn := func() {
			t.Helper()
			target := max(own.checkpoint("sim"), other.checkpoint("sim")) + 5
			eventually(t, "the others go on", func() bool { return other.checkpoint("sim") > target })
		}
		eventually(t, "it is set aside", func() bool {
			own.mu.Lock()
			defer own.mu.Unlock()
			return own.aside == 1
		})
		goOn() // rounds that had begun when it was parked have ended
		if err := w.journal.Flush(t.Context(), own.number); err != nil {
			t.Fatal(err)
		}
		at := own.checkpoint("sim")
		goOn()
		if now := own.checkpoint("sim"); now != at {
			t.Errorf("the checkpoint of a parked tracker's partition went from %d to %d", at, now)
		}
	}
	holds(w)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if err := w.Stop(ctx); err != nil {
		t.Fatal(err)
	}
	next := s.worker("w-2", change)
	eventually(t, "parked elsewhere", parked)
	holds(next)
	if answer := s.request("retry", "wonky"); answer["status"] != "resumed" {
		t.Fatalf("retry answered %v", answer)
	}
	part := next.partitions[id.Partition()]
	at := part.checkpoint("sim")
	eventually(t, "the checkpoint goes on", func() bool { return part.checkpoint("sim") > at+5 })
}

func TestPinGoesDownWithWhatIsObserved(t *testing.T) {
	c := bareCell(t, "one")
	inclusion := func(n uint64) *source.Inclusion { return &source.Inclusion{Block: source.BlockRef{Number: n}} }
	c.Observe(source.Observation{Kind: source.Advanced, Head: 50, Inclusion: inclusion(45)})
	if got := c.profile().mark.below(60); got != 44 {
		t.Errorf("an inclusion at 45 keeps the checkpoint at %d", got)
	}
	c.Observe(source.Observation{Kind: source.Reorged, Head: 51, From: inclusion(40)})
	if got := c.profile().mark.below(60); got != 39 {
		t.Errorf("a reorganisation from 40 keeps the checkpoint at %d", got)
	}
	c.setAside()
	if got := c.profile().mark.below(60); got != 60 {
		t.Errorf("a parked tracker keeps its source's checkpoint at %d", got)
	}
	if _, moved := c.part.advance(map[string]source.Checkpoint{"sim": {Height: 60}}); moved {
		t.Error("a parked tracker does not keep its partition's checkpoint")
	}
	c.takeUp(39)
	if got := c.profile().mark.below(60); got != 38 {
		t.Errorf("a tracker that was taken up keeps the checkpoint at %d", got)
	}
	c.end()
	if got := c.profile().mark.below(60); got != 60 {
		t.Errorf("a tracker that has ended keeps the checkpoint at %d", got)
	}
	if _, moved := c.part.advance(map[string]source.Checkpoint{"sim": {Height: 60}}); !moved {
		t.Error("a tracker that has ended keeps its partition's checkpoint")
	}
}

// TestHandOverSaysNothingOfWhatAParkedTrackerHasMissed: it follows nothing, so the next owner must have its source go back.
func TestHandOverSaysNothingOfWhatAParkedTrackerHasMissed(t *testing.T) {
	s := newSite(t)
	w := s.worker("w-1", func(c *Config) {
		c.CheckpointEvery = 100 * time.Millisecond
		c.Restarts = supervision.Intensity{MaxRestarts: -1}
	})
	own := s.parked(w, "wonky")
	other := w.partitions[(own.number+1)%bus.Partitions]
	goOn := func() {
		target := max(own.checkpoint("sim"), other.checkpoint("sim")) + 20
		eventually(t, "the others go on", func() bool { return other.checkpoint("sim") > target })
	}
	goOn()
	if err := w.journal.Flush(t.Context(), own.number); err != nil {
		t.Fatal(err)
	}
	at := own.checkpoint("sim")
	goOn()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if err := w.Stop(ctx); err != nil {
		t.Fatal(err)
	}
	stored, err := bus.NewRecords(s.nc).Get(t.Context(), bus.CursorSubject(own.number))
	if err != nil {
		t.Fatal(err)
	}
	if now := readCheckpoints(stored)["sim"].Height; now != at {
		t.Errorf("the tracker was parked when its partition stood at %d; handed over it stands at %d", at, now)
	}
}

// TestCheckpointRoundSaysNothingOfATrackerTakenUpMeanwhile: what was reached while it was set aside, it has not seen.
func TestCheckpointRoundSaysNothingOfATrackerTakenUpMeanwhile(t *testing.T) {
	c := bareCell(t, "one")
	c.part.enter(serving)
	parts := []*partition{c.part}
	c.setAside()
	before := followed(parts)
	reached := map[string]source.Checkpoint{"sim": {Height: c.profile().mark.below(60)}}
	c.takeUp(39)
	for range lasting(before, followed(parts)) {
		if next, moved := c.part.advance(reached); moved {
			t.Errorf("a tracker that knows nothing from 39 on has its checkpoint moved to %v", next)
		}
	}
}

// TestLateNewsOfAParkedTrackerLeaveItAlone: who runs again must not hold its partition's checkpoint back for good.
func TestLateNewsOfAParkedTrackerLeaveItAlone(t *testing.T) {
	s := newSite(t)
	w := s.worker("w-1", func(c *Config) { c.Restarts = supervision.Intensity{MaxRestarts: -1} })
	own := s.parked(w, "wonky")
	child, _ := w.names.Lookup("wonky")
	if answer := s.request("retry", "wonky"); answer["status"] != "resumed" {
		t.Fatalf("retry answered %v", answer)
	}
	if own.heldBack() || child.Phase() != supervision.Running {
		t.Fatalf("after a retry it is %v", child.Phase())
	}
	w.observeTracker(supervision.Event{Kind: supervision.EventParked, Child: child, Reason: errors.New("late")})
	if own.heldBack() {
		t.Error("a tracker that runs holds its partition's checkpoint back")
	}
}

// parked has a tracker that crashes once be parked, and returns its partition once that holds its checkpoint back for it.
func (s *site) parked(w *Worker, name string) *partition {
	s.t.Helper()
	s.request("spawn", `{"transaction_id":"`+name+`",`+waits+`}`)
	s.request("call", `{"transaction_id":"`+name+`","op":"crash"}`)
	own := w.partitions[parseID(s.t, name).Partition()]
	eventually(s.t, "it is set aside", own.heldBack)
	return own
}

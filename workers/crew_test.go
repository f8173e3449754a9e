package workers

import (
	"context"
	"slices"
	"testing"
	"time"

	"trackerfleet/bus"
	"trackerfleet/supervision"
	"trackerfleet/workers/source"
)

// TestCrewIsWhoIsInIt: whoever leaves, the others keep their places.
func TestCrewIsWhoIsInIt(t *testing.T) {
	first := bareCell(t, "one")
	part := first.part
	part.enter(serving)
	cells := []*cell{first, {part: part}, {part: part}, {part: part}}
	for _, c := range cells {
		if !part.enlist(c, part.tenure()) {
			t.Fatal("refused")
		}
	}
	for _, c := range []*cell{cells[1], cells[3], cells[1], cells[0]} { // one of them twice
		part.crew.leave(c)
	}
	if got := part.crew.all(); !slices.Equal(got, cells[2:3]) {
		t.Errorf("%d are left, or another", len(got))
	}
	part.crew.leave(cells[2])
	if len(part.crew.all()) != 0 {
		t.Error("not empty")
	}
}

// TestGivenUpPartitionTakesNobodyOn: what was begun in a tenure that is over does not start.
func TestGivenUpPartitionTakesNobodyOn(t *testing.T) {
	c := bareCell(t, "one")
	c.part.enter(serving)
	begun := c.part.tenure()
	c.part.enter(leaving)
	if c.part.enlist(c, begun) {
		t.Error("taken on by a partition that is given up")
	}
	c.part.reset()
	c.part.enter(serving)
	if c.part.enlist(c, begun) {
		t.Error("taken on in another tenure")
	}
}

// slowInit is a server whose Init waits, and fails.
type slowInit struct {
	server
	begun   chan<- struct{}
	release <-chan error
}

func (s *slowInit) Init(context.Context, *supervision.Child) error {
	s.begun <- struct{}{}
	return <-s.release
}

// startSlowly starts a tracker whose Init returns what the second channel gives.
func startSlowly(t *testing.T, w *Worker) (c *cell, release chan error, started chan error) {
	t.Helper()
	c = bareCell(t, "slow")
	c.part = w.partitions[c.part.number]
	begun := make(chan struct{})
	release, started = make(chan error, 1), make(chan error, 1)
	w.trackerType = &supervision.ChildType{Server: func(child *supervision.Child) supervision.Server {
		return &slowInit{server{cellOf(child)}, begun, release}
	}}
	tenure := c.part.tenure()
	go func() {
		_, err := w.startTracker(t.Context(), c, tenure, &commit{c.record.Load(), 1}, time.Time{})
		started <- err
	}()
	<-begun
	return c, release, started
}

// TestTrackerThatStartsWhileItsPartitionIsGivenUpHoldsItBack: it was taken on before.
func TestTrackerThatStartsWhileItsPartitionIsGivenUpHoldsItBack(t *testing.T) {
	for name, result := range map[string]error{"starts": nil, "fails": bus.ErrUnavailable} {
		t.Run(name, func(t *testing.T) {
			w := newSite(t).worker("w-1", nil)
			c, release, started := startSlowly(t, w)
			w.drop(c.part)
			if !c.over() || c.isGone() || c.part.is(vacant) {
				t.Error("the partition was given up without the tracker that starts")
			}
			release <- result
			if err := <-started; err == nil {
				t.Error("it was started")
			}
			eventually(t, "claimed and loaded again", func() bool { return c.part.is(serving) })
			if !c.isGone() || len(c.part.crew.all()) != 0 {
				t.Error("something of it is left")
			}
		})
	}
}

// TestTrackerThatCannotStartIsGone: nobody waits for its name.
func TestTrackerThatCannotStartIsGone(t *testing.T) {
	w := newSite(t).worker("w-1", nil)
	c, release, started := startSlowly(t, w)
	release <- bus.ErrUnavailable
	if err := <-started; err == nil {
		t.Fatal("it was started")
	}
	if !c.isGone() || len(c.part.crew.all()) != 0 {
		t.Error("who waits for its name waits for ever")
	}
}

// TestStartThatFindsANameTakenHoldsNothingBack: not even when its partition is given up meanwhile.
func TestStartThatFindsANameTakenHoldsNothingBack(t *testing.T) {
	s := newSite(t)
	w := s.worker("w-1", nil)
	s.request("spawn", `{"transaction_id":"one",`+waits+`}`)
	there, _ := storedCell(t, s, w, "one")
	c := newCell(there.part, there.profile(), source.Target{})
	got, err := w.startTracker(t.Context(), c, c.part.tenure(), &commit{there.record.Load(), 1}, time.Time{})
	if err != nil || got != there {
		t.Fatalf("got %v, %v", got, err)
	}
	if crew := c.part.crew.all(); !c.isGone() || !slices.Equal(crew, []*cell{there}) {
		t.Errorf("a crew of %d", len(crew))
	}
}

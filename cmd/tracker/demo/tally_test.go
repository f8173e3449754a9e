package demo

import (
	"testing"

	"trackerfleet/bus"
)

func TestTally_handsAVictimOutOnceItKnowsSomething(t *testing.T) {
	plan, err := NewPlan(2, 1)
	if err != nil {
		t.Fatal(err)
	}
	victim, other := plan.IDs[0], plan.IDs[1]
	tally := newTally(plan)
	for i, step := range []struct {
		id        bus.ID
		eventType string
		crash     bool
	}{
		{victim, "started", false},
		{other, "started", false},
		{other, "pending", false},
		{victim, "pending", true},
		{victim, "restarted", false},
		{victim, "included", false},
		{victim, "confirmed", false},
		{victim, "confirmed", false},
		{other, "dropped", false},
	} {
		select {
		case <-tally.done:
			t.Fatalf("done before step %d", i)
		default:
		}
		if got := tally.saw(&bus.Event{TransactionID: step.id, Type: step.eventType}); got != step.crash {
			t.Errorf("step %d, %s: crash = %v", i, step.eventType, got)
		}
	}
	<-tally.done
	if got := tally.now(); got != (Progress{Started: 2, Finished: 2}) {
		t.Errorf("got %+v", got)
	}
}

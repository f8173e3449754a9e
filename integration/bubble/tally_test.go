package bubble

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"trackerfleet/integration/checker"
)

// tally counts what shows that the faults of some storms were felt, and what none of them may show.
type tally struct {
	Seeds     int
	Faults    map[kind]int // that struck
	Fenced    int          // writes that were refused because their epoch had ended, by the stream or by who knew it already
	Refused   int          // batches and single writes that the stream refused because a condition did not hold
	Claims    int          // owner records written
	Changes   int          // of those: by another worker than the one before, or to give a partition up
	Takeovers int          // trackers that another worker went on with
	Restarts  int          // of trackers that had crashed
	Runs      int
	Events    int
	Lost      int // starts that were accepted and of which there is nothing
	Doubled   int // runs with more than one terminal event
}

func (a *tally) add(b tally) {
	if a.Faults == nil {
		a.Faults = make(map[kind]int)
	}
	for k, n := range b.Faults {
		a.Faults[k] += n
	}
	a.Seeds += b.Seeds
	a.Fenced += b.Fenced
	a.Refused += b.Refused
	a.Claims += b.Claims
	a.Changes += b.Changes
	a.Takeovers += b.Takeovers
	a.Restarts += b.Restarts
	a.Runs += b.Runs
	a.Events += b.Events
	a.Lost += b.Lost
	a.Doubled += b.Doubled
}

func (a tally) String() string {
	faults := 0
	var kinds []string
	for _, k := range slices.Sorted(maps.Keys(a.Faults)) {
		faults += a.Faults[k]
		kinds = append(kinds, fmt.Sprintf("%s %d", k, a.Faults[k]))
	}
	return fmt.Sprintf("%d seeds, %d faults (%s), %d writes refused by the fence, %d batches refused by the stream, "+
		"%d owner records written, %d changes of owners, %d trackers taken over, %d restarted, %d runs, %d events; "+
		"lost starts %d, double terminal events %d",
		a.Seeds, faults, strings.Join(kinds, ", "), a.Fenced, a.Refused, a.Claims, a.Changes, a.Takeovers, a.Restarts, a.Runs, a.Events,
		a.Lost, a.Doubled)
}

// tallyOf counts in what a run has left.
func tallyOf(events []checker.Event, claims []checker.Claim, accepted []checker.Start) tally {
	a := tally{Events: len(events), Claims: len(claims), Changes: changesIn(claims)}
	last := make(map[string]string)
	started, ended := make(map[checker.Start]bool), make(map[checker.Start]int)
	for _, e := range events {
		if before, seen := last[e.ID]; seen && before != e.Worker {
			a.Takeovers++
		}
		last[e.ID] = e.Worker
		run := checker.Start{ID: e.ID, Run: e.Run}
		switch {
		case e.Type == "started":
			started[run] = true
		case e.Type == "restarted":
			a.Restarts++
		case e.Terminal():
			if ended[run]++; ended[run] == 2 {
				a.Doubled++
			}
		}
	}
	a.Runs = len(started)
	lost := make(map[checker.Start]bool)
	for _, start := range accepted {
		lost[start] = !started[start]
	}
	for _, is := range lost {
		if is {
			a.Lost++
		}
	}
	return a
}

// changesIn counts the owner records after which a partition was another worker's, or nobody's.
func changesIn(claims []checker.Claim) (n int) {
	claims = slices.SortedFunc(slices.Values(claims), func(a, b checker.Claim) int { return cmp.Compare(a.Sequence, b.Sequence) })
	owner := make(map[int]string)
	for _, c := range claims {
		now := c.Worker
		if c.Released {
			now = ""
		}
		if owner[c.Partition] != now {
			n++
		}
		owner[c.Partition] = now
	}
	return n
}

// TestTalliesCountWhatMayNotBe shows that zeros of a tally are counted and not taken for granted.
func TestTalliesCountWhatMayNotBe(t *testing.T) {
	event := func(id, kind, worker string) checker.Event {
		return checker.Event{ID: id, Run: 1, Type: kind, Worker: worker}
	}
	got := tallyOf([]checker.Event{
		event("a", "started", "w-1"), event("a", "restarted", "w-2"), event("a", "confirmed", "w-2"), event("a", "confirmed", "w-2"),
		event("b", "started", "w-1"), event("b", "stopped", "w-1"),
	}, []checker.Claim{
		{Sequence: 3, Partition: 1, Worker: "w-1"},
		{Sequence: 2, Partition: 1, Worker: "w-1", Released: true},
		{Sequence: 1, Partition: 1, Worker: "w-1"},
		{Sequence: 4, Partition: 1, Worker: "w-1"},
	}, []checker.Start{{ID: "a", Run: 1}, {ID: "c", Run: 1}, {ID: "c", Run: 1}})
	want := tally{Claims: 4, Changes: 3, Takeovers: 1, Restarts: 1, Runs: 2, Events: 6, Lost: 1, Doubled: 1}
	if got.String() != want.String() {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}

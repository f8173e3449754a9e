package checker

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
)

// History is what was read of a stream.
type History struct {
	Events []Event // in stream order
	Proof  error   // nil when it is proved that nothing was left out
}

// After returns h as what followed past, which was read of a stream that is gone, to its end, before h's took its place.
func (h History) After(past History) History {
	return History{Events: slices.Concat(past.Events, h.Events), Proof: errors.Join(past.Proof, h.Proof)}
}

// Start names one run that a client asked for.
type Start struct {
	ID  string
	Run uint64 // 1 for the first start of an ID
}

// Expectation is what a history is held against.
type Expectation struct {
	Accepted  []Start // acknowledged, or answered created; repeating one changes nothing
	Uncertain []Start // asked for and never answered: may appear, once

	// Finished says that every run had the time to come to its terminal event.
	Finished bool

	// Truth returns why a terminal event is not what the source knows to be true, or nil. Nil: nothing is known.
	Truth func(terminal Event) error

	// Claims are changes of owners that were seen: no event may have been written in an epoch that one of them had ended.
	Claims []Claim

	// Evidence counts what shows that the test's fault was felt, by name. A count of zero makes the check void.
	Evidence map[string]int

	Seed uint64 // repeated in the verdict
}

// Check judges history.
func Check(history History, want Expectation) Verdict {
	c := check{
		timelines: make(map[string][]Event),
		started:   make(map[Start]int),
		ended:     make(map[Start]bool),
		accepted:  make(map[Start]bool),
		known:     make(map[Start]bool),
		want:      want,
	}
	for _, s := range want.Accepted {
		c.accepted[s], c.known[s] = true, true
	}
	for _, s := range want.Uncertain {
		c.known[s] = true
	}
	for _, e := range history.Events {
		c.timelines[e.ID] = append(c.timelines[e.ID], e)
	}
	for _, id := range slices.Sorted(maps.Keys(c.timelines)) {
		c.timeline(id)
	}
	c.owners(history.Events)
	c.starts()

	v := Verdict{Violations: c.violations, Seed: want.Seed, Events: len(history.Events), Runs: len(c.started)}
	if v.Reasons = unreadable(history); len(v.Reasons) > 0 {
		v.Outcome = Void
		return v
	}
	if len(c.violations) > 0 {
		v.Outcome = Violated
		return v
	}
	if v.Reasons = unfelt(want); len(v.Reasons) > 0 {
		v.Outcome = Void
	}
	return v
}

// unreadable returns why the history can neither clear nor accuse anybody.
func unreadable(history History) []string {
	var reasons []string
	if history.Proof != nil {
		reasons = append(reasons, "not everything was read: "+history.Proof.Error())
	}
	if !slices.IsSortedFunc(history.Events, func(a, b Event) int { return cmp.Compare(a.Sequence, b.Sequence) }) {
		reasons = append(reasons, "the events are not in stream order")
	}
	return reasons
}

// unfelt returns why a clean history proves nothing.
func unfelt(want Expectation) []string {
	var reasons []string
	if len(want.Accepted) == 0 {
		reasons = append(reasons, "no start was accepted")
	}
	for _, name := range slices.Sorted(maps.Keys(want.Evidence)) {
		if want.Evidence[name] == 0 {
			reasons = append(reasons, "the fault did not bite: no "+name)
		}
	}
	return reasons
}

type check struct {
	timelines  map[string][]Event
	started    map[Start]int
	ended      map[Start]bool
	accepted   map[Start]bool
	known      map[Start]bool
	want       Expectation
	violations []Violation
}

func (c *check) violate(invariant int, id, format string, args ...any) {
	c.violations = append(c.violations, Violation{
		Invariant: invariant, ID: id, What: fmt.Sprintf(format, args...), Timeline: c.timelines[id],
	})
}

// timeline judges what can be seen along one transaction's events.
func (c *check) timeline(id string) {
	var before Event
	for _, e := range c.timelines[id] {
		for _, fault := range e.Faults {
			c.violate(2, id, "sequence %d breaks the contract: %s", e.Sequence, fault)
		}
		if e.N != before.N+1 {
			c.violate(2, id, "event %d follows event %d", e.N, before.N)
		}
		if e.Epoch < before.Epoch || e.Epoch == before.Epoch && e.Incarnation < before.Incarnation {
			c.violate(4, id, "event %d of (%d, %d) follows (%d, %d)", e.N, e.Epoch, e.Incarnation, before.Epoch, before.Incarnation)
		}
		c.run(before, e)
		before = e
	}
}

// run judges e's place in its run; before is the event before it, zero for the first.
func (c *check) run(before, e Event) {
	run := Start{e.ID, e.Run}
	if e.Type == "started" {
		c.started[run]++
		switch {
		case c.started[run] > 1:
			c.violate(1, e.ID, "run %d has a second started event", e.Run)
		case !c.known[run]:
			c.violate(5, e.ID, "run %d was never asked for", e.Run)
		}
		if e.Run != before.Run+1 {
			c.violate(2, e.ID, "run %d follows run %d", e.Run, before.Run)
		}
		if before.N > 0 && !before.Terminal() {
			c.violate(2, e.ID, "run %d begins before run %d has ended", e.Run, before.Run)
		}
		return
	}
	if c.started[run] == 0 || e.Run != before.Run {
		c.violate(2, e.ID, "%s of run %d, which has not started", e.Type, e.Run)
	}
	if e.Terminal() {
		if c.ended[run] {
			c.violate(3, e.ID, "run %d has a second terminal event, %s", e.Run, e.Type)
		}
		c.ended[run] = true
		if c.want.Truth != nil {
			if err := c.want.Truth(e); err != nil {
				c.violate(3, e.ID, "%s is not the truth: %v", e.Type, err)
			}
		}
	} else if c.ended[run] {
		c.violate(2, e.ID, "%s after the terminal event of run %d", e.Type, e.Run)
	}
}

// owners judges that the events of one epoch come from one worker, as two would mean two owners of a partition, and that none
// was written after its epoch.
func (c *check) owners(events []Event) {
	writer := make(map[uint64]string)
	claims := indexClaims(c.want.Claims)
	for _, e := range events {
		if end := endedBy(claims[partitionOf(e.Token)], e); end > 0 {
			c.violate(4, e.ID, "event %d was written at %d in epoch %d, which had ended at %d", e.N, e.Sequence, e.Epoch, end)
		}
		if known, ok := writer[e.Epoch]; ok && known != e.Worker {
			c.violate(4, e.ID, "epoch %d belongs to %s, and %s wrote event %d in it", e.Epoch, known, e.Worker, e.N)
			continue
		}
		writer[e.Epoch] = e.Worker
	}
}

// starts judges what clients were told against what is there.
func (c *check) starts() {
	byName := func(a, b Start) int { return cmp.Or(cmp.Compare(a.ID, b.ID), cmp.Compare(a.Run, b.Run)) }
	for _, s := range slices.SortedFunc(maps.Keys(c.accepted), byName) {
		if c.started[s] == 0 {
			c.violate(1, s.ID, "the start of run %d was accepted and is lost", s.Run)
		}
	}
	if !c.want.Finished {
		return
	}
	for _, s := range slices.SortedFunc(maps.Keys(c.started), byName) {
		if !c.ended[s] {
			c.violate(3, s.ID, "run %d never came to an end", s.Run)
		}
	}
}

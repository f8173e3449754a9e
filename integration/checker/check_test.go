package checker

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// happened returns the events of one ID in stream order: "a 1/0 started" is transaction a, epoch 1, incarnation 0. Sequences,
// numbers and runs are filled in as a sound fleet would; the tests then break them.
func happened(lines ...string) []Event {
	numbers, runs := make(map[string]uint64), make(map[string]uint64)
	var events []Event
	for i, line := range lines {
		e := Event{Sequence: uint64(10 + 2*i), Worker: "w-1"}
		if _, err := fmt.Sscanf(line, "%s %d/%d %s", &e.ID, &e.Epoch, &e.Incarnation, &e.Type); err != nil {
			panic(err)
		}
		e.Worker = fmt.Sprintf("w-%d", e.Epoch%2)
		numbers[e.ID]++
		if e.Type == "started" {
			runs[e.ID]++
		}
		e.N, e.Run = numbers[e.ID], runs[e.ID]
		events = append(events, e)
	}
	return events
}

// story is a history in which everything held: a crash, a takeover, a second run.
func story() []Event {
	return happened(
		"a 5/0 started", "b 6/0 started", "a 5/0 pending", "a 5/1 restarted", "b 6/0 included", "a 5/1 included",
		"b 6/0 confirmed", "a 9/0 confirmed", "b 6/1 started", "b 8/0 included", "b 8/0 failed",
	)
}

func expected() Expectation {
	return Expectation{
		Accepted: []Start{{"a", 1}, {"b", 1}, {"b", 2}},
		Finished: true,
		Truth: func(e Event) error {
			want := "confirmed"
			if e.ID == "b" && e.Run == 2 {
				want = "failed"
			}
			if e.Type != want {
				return errors.New("it is " + want)
			}
			return nil
		},
		Evidence: map[string]int{"takeover": 1},
		Seed:     7,
	}
}

func TestASoundHistoryHolds(t *testing.T) {
	if v := Check(History{Events: story()}, expected()); v.Outcome != Held || v.Events != 11 || v.Runs != 3 {
		t.Error(v)
	}
}

func TestAnUncertainStartMayAppearOnceOrNever(t *testing.T) {
	want := expected()
	want.Accepted = want.Accepted[:2]
	want.Uncertain = []Start{{"b", 2}, {"c", 1}}
	if v := Check(History{Events: story()}, want); v.Outcome != Held {
		t.Error(v)
	}
}

// mutants are what a broken fleet would leave behind; each names the invariant that must be reported.
var mutants = []struct {
	name      string
	spoil     func(events []Event, want *Expectation) []Event
	invariant int
}{
	{"a start is lost", func(es []Event, _ *Expectation) []Event {
		return slices.DeleteFunc(es, func(e Event) bool { return e.ID == "a" })
	}, 1},
	{"the second run's start is lost", func(es []Event, _ *Expectation) []Event { return es[:8] }, 1},
	{"a start is carried out twice", func(es []Event, _ *Expectation) []Event {
		return append(es, happened("b 6/0 started")...)
	}, 1},
	{"an event is missing", func(es []Event, _ *Expectation) []Event { return slices.Delete(es, 2, 3) }, 2},
	{"an event is there twice", func(es []Event, _ *Expectation) []Event { return slices.Insert(es, 3, es[2]) }, 2},
	{"two events are swapped", func(es []Event, _ *Expectation) []Event {
		es[4].N, es[6].N = es[6].N, es[4].N
		return es
	}, 2},
	{"started is not the first", func(es []Event, _ *Expectation) []Event {
		es[0].Type, es[2].Type = "pending", "started"
		return es
	}, 2},
	{"something follows the terminal event", func(es []Event, _ *Expectation) []Event {
		es[7].Type, es[5].Type = "included", "confirmed"
		return es
	}, 2},
	{"a run begins inside another", func(es []Event, _ *Expectation) []Event {
		es[6].Type = "progress"
		return es
	}, 2},
	{"a run is skipped", func(es []Event, want *Expectation) []Event {
		for i := 8; i < len(es); i++ {
			es[i].Run = 3
		}
		want.Accepted[2].Run = 3
		return es
	}, 2},
	{"a message breaks the contract", func(es []Event, _ *Expectation) []Event {
		es[3].Faults = []string{"body: not JSON"}
		return es
	}, 2},
	{"two terminal events", func(es []Event, _ *Expectation) []Event {
		es[5].Type = "confirmed"
		return es
	}, 3},
	{"a terminal event that is not the truth", func(es []Event, _ *Expectation) []Event {
		es[7].Type = "failed"
		return es
	}, 3},
	{"no terminal event", func(es []Event, _ *Expectation) []Event { return es[:10] }, 3},
	{"the epoch goes back", func(es []Event, _ *Expectation) []Event {
		es[7].Epoch = 3
		return es
	}, 4},
	{"the incarnation goes back", func(es []Event, _ *Expectation) []Event {
		es[5].Incarnation = 0
		return es
	}, 4},
	{"two workers write in one epoch", func(es []Event, _ *Expectation) []Event {
		es[5].Worker = "w-zombie"
		return es
	}, 4},
	{"an event of a transaction that nobody started", func(es []Event, _ *Expectation) []Event {
		late := happened("x 6/0 started", "x 6/0 confirmed")
		late[0].Sequence, late[1].Sequence = 90, 91
		return append(es, late...)
	}, 5},
	{"a run that nobody asked for", func(es []Event, want *Expectation) []Event {
		want.Accepted = want.Accepted[:2]
		return es
	}, 5},
}

func TestEveryMutantIsCaught(t *testing.T) {
	for _, m := range mutants {
		t.Run(m.name, func(t *testing.T) {
			want := expected()
			events := m.spoil(story(), &want)
			for i := range events {
				events[i].Sequence = uint64(10 + i)
			}
			v := Check(History{Events: events}, want)
			caught := func(v Violation) bool { return v.Invariant == m.invariant }
			if v.Outcome != Violated || !slices.ContainsFunc(v.Violations, caught) {
				t.Fatalf("want invariant %d violated, got %s", m.invariant, v)
			}
			if text := v.String(); !strings.Contains(text, "seed 7") || !strings.Contains(text, "transaction") {
				t.Errorf("the verdict does not name its seed and a transaction: %s", text)
			}
		})
	}
}

func TestAViolationShowsTheWholeTimeline(t *testing.T) {
	events := story()
	events[7].Type = "failed"
	v := Check(History{Events: events}, expected())
	if len(v.Violations) != 1 || len(v.Violations[0].Timeline) != 5 {
		t.Fatal(v)
	}
	for _, part := range []string{`"a"`, "n=1 run=1 started epoch=5/0", "n=5 run=1 failed epoch=9/0", "it is confirmed"} {
		if !strings.Contains(v.String(), part) {
			t.Errorf("no %q in %s", part, v)
		}
	}
}

func TestWhatProvesNothingIsVoid(t *testing.T) {
	for name, spoil := range map[string]func(*History, *Expectation){
		"truncated": func(h *History, _ *Expectation) {
			h.Proof = errors.New("sequence 12 was not read")
			h.Events = h.Events[:9]
		},
		"out of order":    func(h *History, _ *Expectation) { h.Events[0].Sequence = 99 },
		"did not bite":    func(_ *History, want *Expectation) { want.Evidence["takeover"] = 0 },
		"nothing started": func(h *History, want *Expectation) { h.Events, want.Accepted = nil, nil },
	} {
		t.Run(name, func(t *testing.T) {
			h, want := History{Events: story()}, expected()
			spoil(&h, &want)
			if v := Check(h, want); v.Outcome != Void || len(v.Reasons) == 0 {
				t.Error(v)
			}
		})
	}
}

// TestAHistoryOverTwoStreamsIsOne: what is wrong at the seam is found, and a stream that counts anew proves nothing.
func TestAHistoryOverTwoStreamsIsOne(t *testing.T) {
	events := story()
	past, rest := History{Events: events[:6]}, History{Events: events[6:]}
	if v := Check(rest.After(past), expected()); v.Outcome != Held {
		t.Error(v)
	}
	if v := Check(History{Events: events[7:]}.After(past), expected()); v.Outcome != Violated {
		t.Errorf("an event is missing at the seam: %v", v)
	}
	if v := Check(rest.After(History{Events: events[:6], Proof: errors.New("sequence 12 was not read")}), expected()); v.Outcome != Void {
		t.Errorf("the stream before was not read to its end: %v", v)
	}
	if v := Check(past.After(rest), expected()); v.Outcome == Held {
		t.Errorf("the sequences go back: %v", v)
	}
}

func TestAViolationCountsThoughTheFaultDidNotBite(t *testing.T) {
	want := expected()
	want.Evidence["takeover"] = 0
	if v := Check(History{Events: story()[:10]}, want); v.Outcome != Violated {
		t.Error(v)
	}
}

// TestAnyLostEventIsFound removes one event from a long sound history, wherever it is.
func TestAnyLostEventIsFound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		events := story()
		at := rapid.IntRange(0, len(events)-1).Draw(t, "lost")
		if v := Check(History{Events: slices.Delete(events, at, at+1)}, expected()); v.Outcome != Violated {
			t.Error(v)
		}
	})
}

func TestProveWantsEverySequence(t *testing.T) {
	for _, c := range []struct {
		name    string
		read    []uint64
		first   uint64
		deleted []uint64
		whole   bool
	}{
		{"all read", []uint64{3, 4, 5, 6}, 3, nil, true},
		{"replaced before it was read", []uint64{3, 5, 6}, 3, []uint64{4}, true},
		{"replaced after it was read", []uint64{3, 4, 5, 6}, 3, []uint64{4, 5}, true},
		{"the front was replaced", []uint64{5, 6}, 5, nil, true},
		{"the last was replaced", []uint64{3, 4, 5}, 3, []uint64{6}, true},
		{"stopped early", []uint64{3, 4, 5}, 3, nil, false},
		{"a hole", []uint64{3, 4, 6}, 3, nil, false},
		{"nothing read", nil, 3, nil, false},
		{"a repetition", []uint64{3, 4, 4, 5, 6}, 3, nil, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			if err := prove(c.read, span{3, 6}, c.first, c.deleted); (err == nil) != c.whole {
				t.Errorf("prove: %v", err)
			}
		})
	}
}

package demo

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"trackerfleet/bus"
	"trackerfleet/workers/simulated"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var epochStart = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// dropping is a chain on which every transaction is dropped: its ends need no block.
var dropping = simulated.Config{Seed: 1, DropShare: 1}

// sound is a plan of 20 and evidence in which everything held; the tests break it.
func sound(t *testing.T) (Plan, Evidence) {
	t.Helper()
	plan, err := NewPlan(20, 1)
	if err != nil {
		t.Fatal(err)
	}
	e := Evidence{Accepted: map[bus.ID]bool{}, Crashed: map[bus.ID]Crash{}, Lookups: map[bus.ID]bus.Status{}}
	for _, id := range plan.IDs {
		e.Accepted[id] = true
		e.Lookups[id] = bus.StatusDropped
		types := []string{"started", "pending", "missing", "dropped"}
		if plan.Victims[id] {
			e.Crashed[id] = Crash{Answered: epochStart.Add(2500 * time.Millisecond), Epoch: 5, Incarnation: 1}
			types = []string{"started", "pending", "restarted", "missing", "dropped"}
		}
		incarnation := uint64(1)
		for i, name := range types {
			if name == "restarted" {
				incarnation++
			}
			e.Events = append(e.Events, &bus.Event{
				TransactionID: id, Type: name, N: uint64(i + 1), Run: 1, Epoch: 5, Incarnation: incarnation, Worker: "w-3",
				At: epochStart.Add(time.Duration(i+1) * time.Second), Data: json.RawMessage(`{}`),
			})
		}
	}
	hit(plan, &e)
	return plan, e
}

func broken(checks []Check) []string {
	var names []string
	for _, c := range checks {
		if !c.Held {
			names = append(names, c.Name)
		}
	}
	return names
}

func TestAudit_holdsWhenEverythingHeld(t *testing.T) {
	plan, e := sound(t)
	if got := Audit(plan, dropping, e); len(broken(got)) > 0 {
		t.Errorf("got %+v", got)
	}
	if got := e.Aftermath(); got != (Aftermath{}) {
		t.Errorf("aftermath %+v", got)
	}
}

func find(e *Evidence, id bus.ID, eventType string) *bus.Event {
	i := slices.IndexFunc(e.Events, func(ev *bus.Event) bool { return ev.TransactionID == id && ev.Type == eventType })
	return e.Events[i]
}

// TestAudit_catchesMutants breaks one thing at a time and expects the check that is for it.
func TestAudit_catchesMutants(t *testing.T) {
	remove := func(e *Evidence, id bus.ID, eventType string) {
		e.Events = slices.DeleteFunc(e.Events, func(ev *bus.Event) bool { return ev.TransactionID == id && ev.Type == eventType })
	}
	for name, tc := range map[string]struct {
		change func(p Plan, e *Evidence, victim, other bus.ID)
		want   string
	}{
		"a start is lost": {func(_ Plan, e *Evidence, _, other bus.ID) {
			e.Events = slices.DeleteFunc(e.Events, func(ev *bus.Event) bool { return ev.TransactionID == other })
		}, "no accepted start is lost"},
		"a second tracker": {func(_ Plan, e *Evidence, _, other bus.ID) { find(e, other, "pending").Type = "started" }, "one tracker each, whatever the duplicates"},
		"a gap":            {func(_ Plan, e *Evidence, _, other bus.ID) { remove(e, other, "pending") }, "events are numbered without a gap"},
		"a swapped order":  {func(_ Plan, e *Evidence, _, other bus.ID) { find(e, other, "pending").N = 3 }, "events are numbered without a gap"},
		"no end":           {func(_ Plan, e *Evidence, _, other bus.ID) { remove(e, other, "dropped") }, "one final event each, the last one"},
		"two ends":         {func(_ Plan, e *Evidence, _, other bus.ID) { find(e, other, "missing").Type = "dropped" }, "one final event each, the last one"},
		"something after": {func(_ Plan, e *Evidence, _, other bus.ID) {
			find(e, other, "missing").Type, find(e, other, "dropped").Type = "dropped", "missing"
		}, "one final event each, the last one"},
		"a wrong end":      {func(_ Plan, e *Evidence, _, other bus.ID) { find(e, other, "dropped").Type = "confirmed" }, "the end is what the chain says"},
		"an older owner":   {func(_ Plan, e *Evidence, _, other bus.ID) { find(e, other, "missing").Epoch = 4 }, "process identity only goes up"},
		"an older process": {func(_ Plan, e *Evidence, victim, _ bus.ID) { find(e, victim, "dropped").Incarnation = 1 }, "process identity only goes up"},
		"a crash that is swallowed": {func(_ Plan, e *Evidence, victim, _ bus.ID) {
			remove(e, victim, "restarted")
			find(e, victim, "missing").Incarnation, find(e, victim, "dropped").Incarnation = 1, 1
		}, "crashed trackers came back with their state"},
		"swallowed by an owner it had moved to": {func(_ Plan, e *Evidence, victim, _ bus.ID) {
			e.Crashed[victim] = Crash{Answered: e.Crashed[victim].Answered, Epoch: 9, Incarnation: 1}
			remove(e, victim, "restarted")
			for _, name := range []string{"missing", "dropped"} {
				find(e, victim, name).Epoch, find(e, victim, name).Incarnation = 9, 1
			}
		}, "crashed trackers came back with their state"},
		"a forgotten state":  {func(_ Plan, e *Evidence, victim, _ bus.ID) { find(e, victim, "missing").Type = "pending" }, "crashed trackers came back with their state"},
		"nothing crashed":    {func(_ Plan, e *Evidence, _, _ bus.ID) { clear(e.Crashed) }, "crashed trackers came back with their state"},
		"a lookup that lies": {func(_ Plan, e *Evidence, _, other bus.ID) { e.Lookups[other] = bus.StatusPending }, "lookup agrees with the stream"},
		"nothing looked up":  {func(_ Plan, e *Evidence, _, _ bus.ID) { clear(e.Lookups) }, "lookup agrees with the stream"},
		"nothing accepted":   {func(_ Plan, e *Evidence, _, _ bus.ID) { clear(e.Accepted) }, "no accepted start is lost"},
		"somebody else": {func(_ Plan, e *Evidence, _, _ bus.ID) {
			id, _ := bus.ParseID("stranger")
			e.Events = append(e.Events, &bus.Event{TransactionID: id, Type: "started", N: 1, Data: json.RawMessage(`{}`)})
		}, "no event of anybody else"},
		"an empty stream": {func(_ Plan, e *Evidence, _, _ bus.ID) { e.Events = nil }, "no event of anybody else"},
	} {
		plan, e := sound(t)
		victim := slices.SortedFunc(maps.Keys(plan.Victims), func(a, b bus.ID) int { return strings.Compare(a.String(), b.String()) })[0]
		tc.change(plan, &e, victim, plan.IDs[len(plan.IDs)-1])
		if got := broken(Audit(plan, dropping, e)); !slices.Contains(got, tc.want) {
			t.Errorf("%s: broken are %q, want %q among them", name, got, tc.want)
		}
	}
}

// TestAudit_sparesOnlyWhatHadBeenDecided: a crash after the end was decided proves nothing, neither way; a tracker that goes on
// deciding without having come back is caught.
func TestAudit_sparesOnlyWhatHadBeenDecided(t *testing.T) {
	for _, tc := range []struct {
		answered time.Duration // after the final event was decided
		spared   int
		held     bool
	}{
		{time.Millisecond, 1, true},
		{0, 1, true},
		{-time.Millisecond, 0, false},
	} {
		plan, err := NewPlan(40, 1) // two victims
		if err != nil {
			t.Fatal(err)
		}
		_, e := sound(t)
		first, second := plan.IDs[0], plan.IDs[20]
		for _, ev := range slices.Clone(e.Events) {
			if ev.TransactionID == first && ev.Type != "restarted" {
				late := *ev
				late.TransactionID, late.Incarnation = second, 1
				e.Events = append(e.Events, &late)
			}
		}
		end := e.Events[len(e.Events)-1]
		for n, ev := range e.Events[len(e.Events)-4:] {
			ev.N = uint64(n + 1)
		}
		e.Accepted[second] = true
		e.Crashed[second] = Crash{Answered: end.At.Add(tc.answered), Epoch: 5, Incarnation: 1}
		held := !slices.Contains(broken(Audit(plan, dropping, e)), "crashed trackers came back with their state")
		if got := e.Aftermath(); held != tc.held || got.Spared != tc.spared {
			t.Errorf("%v: held %v, %+v", tc.answered, held, got)
		}
	}
}

// TestAudit_knowsASuccessorByItsEpoch: a tracker that is taken over before it was restarted runs again all the same.
func TestAudit_knowsASuccessorByItsEpoch(t *testing.T) {
	plan, e := sound(t)
	victim := plan.IDs[0]
	e.Events = slices.DeleteFunc(e.Events, func(ev *bus.Event) bool {
		return ev.TransactionID == victim && ev.Type == "restarted"
	})
	n := uint64(0)
	for _, ev := range e.Events {
		if ev.TransactionID != victim {
			continue
		}
		n++
		ev.N, ev.Incarnation = n, 1
		if n > 2 {
			ev.Epoch = 6
		}
	}
	if got := broken(Audit(plan, dropping, e)); len(got) > 0 {
		t.Errorf("broken are %q", got)
	}
	if got := e.Aftermath(); got != (Aftermath{Moved: 1}) {
		t.Errorf("aftermath %+v", got)
	}
}

func TestNewPlan_isTheSameForTheSameSeed(t *testing.T) {
	a, _ := NewPlan(500, 7)
	b, _ := NewPlan(500, 7)
	c, _ := NewPlan(500, 8)
	if !slices.Equal(a.Stream, b.Stream) || !slices.Equal(a.Spawn, b.Spawn) || slices.Equal(a.Spawn, c.Spawn) {
		t.Error("the seed does not decide")
	}
	if a.Duplicates() != 100 || len(a.Victims) != 25 || len(a.Stream) == 0 || len(a.Spawn) == 0 {
		t.Errorf("%d duplicates, %d victims", a.Duplicates(), len(a.Victims))
	}
	for _, n := range []int{0, -1, MaxTrackers + 1} {
		if _, err := NewPlan(n, 1); err == nil {
			t.Errorf("%d trackers", n)
		}
	}
}

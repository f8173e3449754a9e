package demo

import (
	"slices"
	"testing"
	"time"

	"trackerfleet/bus"
)

const takeoverCheck = "the trackers of the killed worker were taken over"

// hit has w-1 killed and w-2 decide the end of its only transaction, which has a partition of its own.
func hit(plan Plan, e *Evidence) {
	s := Strike{Worker: "w-1", Gone: epochStart.Add(3500 * time.Millisecond), Partitions: 1, Taken: map[bus.ID]time.Duration{}}
	alone := func(id bus.ID) bool {
		return !plan.Victims[id] && !slices.ContainsFunc(plan.IDs, func(o bus.ID) bool { return o != id && o.Partition() == id.Partition() })
	}
	id := plan.IDs[slices.IndexFunc(plan.IDs, alone)]
	s.Running, s.Taken[id] = []bus.ID{id}, 2*time.Second
	for _, ev := range e.Events {
		if ev.TransactionID != id {
			continue
		}
		if ev.Worker = "w-1"; ev.At.After(s.Gone) {
			ev.Worker, ev.Epoch = "w-2", 6
		}
	}
	e.Strike = s
}

// TestAudit_catchesMutantsOfTheFleet breaks one thing at a time and expects the check that is for it.
func TestAudit_catchesMutantsOfTheFleet(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(e *Evidence, other bus.ID)
		want   string
	}{
		"an owner that comes back": {func(e *Evidence, _ bus.ID) {
			late := *find(e, e.Strike.Running[0], "missing")
			e.Events = append(e.Events, &late)
		}, "never two owners"},
		"two owners of one epoch": {func(e *Evidence, _ bus.ID) { find(e, e.Strike.Running[0], "dropped").Epoch = 5 }, "never two owners"},
		"a dead worker that writes": {func(e *Evidence, _ bus.ID) {
			find(e, e.Strike.Running[0], "missing").At = e.Strike.Gone.Add(time.Millisecond)
		}, "never two owners"},
		"no other owner":              {func(e *Evidence, _ bus.ID) { find(e, e.Strike.Running[0], "dropped").Worker = "w-1" }, "never two owners"},
		"nobody answers for the dead": {func(e *Evidence, _ bus.ID) { clear(e.Strike.Taken) }, takeoverCheck},
		"a strike that hit nothing":   {func(e *Evidence, _ bus.ID) { e.Strike.Running = nil }, takeoverCheck},
		"nobody went on": {func(e *Evidence, _ bus.ID) {
			last := find(e, e.Strike.Running[0], "dropped")
			last.Worker, last.Epoch, last.At = "w-1", 5, e.Strike.Gone
		}, takeoverCheck},
		"one is left behind": {func(e *Evidence, other bus.ID) {
			e.Strike.Running = append(e.Strike.Running, other)
		}, takeoverCheck},
	} {
		plan, e := sound(t)
		tc.change(&e, plan.IDs[len(plan.IDs)-1])
		if got := broken(Audit(plan, dropping, e)); !slices.Contains(got, tc.want) {
			t.Errorf("%s: broken are %q, want %q among them", name, got, tc.want)
		}
	}
}

// TestOneOwner_allowsAWorkerToClaimItsOwnAnew: its trackers live on with the epoch they were started in, beside newer ones.
func TestOneOwner_allowsAWorkerToClaimItsOwnAnew(t *testing.T) {
	id, err := bus.ParseID("t")
	if err != nil {
		t.Fatal(err)
	}
	stream := func(steps ...string) Evidence {
		var e Evidence
		for _, s := range steps {
			e.Events = append(e.Events, &bus.Event{TransactionID: id, Worker: s[:1], Epoch: uint64(s[1] - '0')})
		}
		return e
	}
	for _, steps := range [][]string{{"a1", "a3", "a1", "b4"}, {"a1", "b2", "a3", "a5", "a3"}, {"a2", "b3", "b5", "b4"}} {
		if c := oneOwner(stream(steps...)); !c.Held {
			t.Errorf("%q: %+v", steps, c)
		}
	}
	for _, steps := range [][]string{{"a1", "a3", "b2"}, {"a1", "b2", "a1"}, {"a1", "b2", "b1"}, {"a1", "a3", "b4", "b3"}, {"a1", "a2"}} {
		if c := oneOwner(stream(steps...)); c.Held {
			t.Errorf("%q: %+v", steps, c)
		}
	}
}

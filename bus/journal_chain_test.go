package bus_test

import (
	"context"
	"strconv"
	"testing"

	"trackerfleet/bus"
)

// chain is one tracker's life as the test sees it: transition after transition, each on the revision of the one before.
type chain struct {
	id       bus.ID
	n        uint64
	revision uint64
	err      error
}

// drive runs every chain through j until each has made steps further transitions or failed.
func drive(ctx context.Context, j *bus.Journal, owners []bus.Owner, chains []*chain, steps uint64) {
	type ended struct {
		c *chain
		r bus.Result
	}
	results := make(chan ended, len(chains)) // each chain has one write under way
	submit := func(c *chain) bool {
		w := transition(c.id, owners, c.n+1, c.revision, func(r bus.Result) { results <- ended{c, r} })
		c.err = j.Submit(ctx, w)
		return c.err == nil
	}
	left, running := make(map[*chain]uint64), 0
	for _, c := range chains {
		left[c] = steps
		if submit(c) {
			running++
		}
	}
	for running > 0 {
		e := <-results
		if e.r.Err != nil {
			e.c.err = e.r.Err
			running--
			continue
		}
		e.c.n++
		e.c.revision = e.r.Revision
		if left[e.c]--; left[e.c] == 0 || !submit(e.c) {
			running--
		}
	}
}

func newChains(t testing.TB, n int) []*chain {
	t.Helper()
	chains := make([]*chain, n)
	for i := range chains {
		chains[i] = &chain{id: numbered(t, i)}
	}
	return chains
}

// checkChains compares what the stream holds with what was acknowledged: each record at its revision, its newest event
// right before it, no event missing and none beyond.
func checkChains(t testing.TB, records *bus.Records, chains []*chain) {
	t.Helper()
	for _, c := range chains {
		subjects := []string{bus.StateSubject(c.id)}
		for n := uint64(1); n <= c.n+1; n++ {
			subjects = append(subjects, bus.EventSubject(c.id, "progress", n))
		}
		got, err := records.GetAll(t.Context(), subjects)
		if err != nil {
			t.Fatal(err)
		}
		state, events := got[0], got[1:]
		if c.n == 0 {
			if state != nil || events[0] != nil {
				t.Errorf("%s: stored, but never acknowledged", c.id)
			}
			continue
		}
		if state == nil || state.Revision != c.revision {
			t.Fatalf("%s: record is %+v, want revision %d of transition %d", c.id, state, c.revision, c.n)
		}
		for i, e := range events[:c.n] {
			if e == nil {
				t.Fatalf("%s: event %d of %d is missing", c.id, i+1, c.n)
			}
			if i > 0 && e.Revision <= events[i-1].Revision {
				t.Errorf("%s: event %d comes before its predecessor", c.id, i+1)
			}
		}
		if last := events[c.n-1].Revision; last != c.revision-1 {
			t.Errorf("%s: event %d is at %d, its record at %d: not written together", c.id, c.n, last, c.revision)
		}
		if events[c.n] != nil {
			t.Errorf("%s: event %d exists, but only %d were acknowledged", c.id, c.n+1, c.n)
		}
	}
}

func requireSteps(t testing.TB, chains []*chain, want uint64) {
	t.Helper()
	for _, c := range chains {
		if c.err != nil || c.n != want {
			t.Fatalf("%s: got %d transitions, %v, want %s", c.id, c.n, c.err, strconv.FormatUint(want, 10))
		}
	}
}

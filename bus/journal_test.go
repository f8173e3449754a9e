package bus_test

import (
	"errors"
	"testing"

	"trackerfleet/bus"
)

func TestJournalGroupsWritesAndTellsTheirRevisions(t *testing.T) {
	nc := fleet(t)
	owners := claim(t, nc, "w-1")
	j, err := bus.NewJournal(nc, bus.JournalConfig{Lanes: 4})
	if err != nil {
		t.Fatal(err)
	}
	const n = 1000
	results := make([]bus.Result, n)
	for i := range n { // all are queued before the journal runs
		w := transition(numbered(t, i), owners, 1, 0, func(r bus.Result) { results[i] = r })
		if err := j.Submit(t.Context(), w); err != nil {
			t.Fatal(err)
		}
	}
	running(t, j)
	if err := j.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	records := bus.NewRecords(nc)
	for i, r := range results {
		if r.Err != nil {
			t.Fatalf("write %d: %v", i, r.Err)
		}
		rec, err := records.Get(t.Context(), bus.StateSubject(numbered(t, i)))
		if err != nil || rec == nil || rec.Revision != r.Revision {
			t.Fatalf("record %d: %+v, %v, want revision %d", i, rec, err, r.Revision)
		}
	}
	if s := j.Stats(); s.Written != n || s.Messages != 2*n || s.Batches > 10 || s.Pending != 0 {
		t.Errorf("got %+v, want %d writes in few batches", s, n)
	}
}

// TestLastCommitIsMeasuredOnAClockThatNobodySets: how fresh the last commit is decides whether a worker is ready, so it must carry the
// monotonic reading, which a wall clock that is set does not move.
func TestLastCommitIsMeasuredOnAClockThatNobodySets(t *testing.T) {
	nc := fleet(t)
	j := runJournal(t, nc, bus.JournalConfig{})
	if r := write(t, j, transition(numbered(t, 1), claim(t, nc, "w-1"), 1, 0, nil)); r.Err != nil {
		t.Fatal(r.Err)
	}
	if at := j.Stats().LastCommitAt; at.IsZero() || at == at.Round(0) {
		t.Errorf("the last commit was at %s, a date without a monotonic reading", at)
	}
}

func TestJournalIsolatesTheLosersOfABatch(t *testing.T) {
	nc := fleet(t)
	owners := claim(t, nc, "w-1")
	first := runJournal(t, nc, bus.JournalConfig{})
	const n = 300
	losers := map[int]uint64{}
	for _, i := range []int{0, 17, 133, 299} {
		r := write(t, first, transition(numbered(t, i), owners, 1, 0, nil))
		if r.Err != nil {
			t.Fatal(r.Err)
		}
		losers[i] = r.Revision
	}
	j, err := bus.NewJournal(nc, bus.JournalConfig{Lanes: 1, MaxBatchMessages: 1000})
	if err != nil {
		t.Fatal(err)
	}
	results := make([]bus.Result, n)
	for i := range n {
		if err := j.Submit(t.Context(), transition(numbered(t, i), owners, 2, 0, func(r bus.Result) { results[i] = r })); err != nil {
			t.Fatal(err)
		}
	}
	running(t, j)
	if err := j.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	for i, r := range results {
		revision, lost := losers[i]
		if !lost {
			if r.Err != nil {
				t.Errorf("write %d: %v", i, r.Err)
			}
			continue
		}
		var stale *bus.StaleError
		if !errors.As(r.Err, &stale) || !errors.Is(r.Err, bus.ErrStale) || stale.Record == nil || stale.Record.Revision != revision {
			t.Errorf("write %d: got %v, want the record at %d", i, r.Err, revision)
		}
	}
	if s := j.Stats(); s.Batches != 1 || s.Conflicts != 4 || s.Retries != 1 {
		t.Errorf("got %+v, want one refused batch and one stored", s)
	}
}

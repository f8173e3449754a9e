package bus_test

import (
	"context"
	"errors"
	"sync"
	"testing"

	"trackerfleet/bus"
)

func TestJournalRefusesAnEndedEpoch(t *testing.T) {
	nc := fleet(t)
	old := claim(t, nc, "w-1")
	var mu sync.Mutex
	told := map[int]int{}
	j := runJournal(t, nc, bus.JournalConfig{OnFenced: func(p int, epoch uint64) {
		mu.Lock()
		defer mu.Unlock()
		if epoch != old[p].Epoch {
			t.Errorf("partition %d: told of epoch %d, want %d", p, epoch, old[p].Epoch)
		}
		told[p]++
	}})
	id, other := numbered(t, 1), numbered(t, 2)
	first := write(t, j, transition(id, old, 1, 0, nil))
	if first.Err != nil {
		t.Fatal(first.Err)
	}
	c := newClaims(t, nc)
	won, lost, err := c.Claim(t.Context(), "w-2", "w-2-1", old[id.Partition()])
	if err != nil || len(won) != 1 || len(lost) != 0 {
		t.Fatalf("claim: %v, %v, %v", won, lost, err)
	}
	for range 3 {
		var fenced *bus.FencedError
		err := submitOrResult(t, j, transition(id, old, 2, first.Revision, nil))
		if !errors.Is(err, bus.ErrFenced) || !errors.As(err, &fenced) || fenced.Partition != id.Partition() {
			t.Fatalf("got %v, want the fence of partition %d", err, id.Partition())
		}
	}
	if r := write(t, j, transition(other, old, 1, 0, nil)); r.Err != nil {
		t.Errorf("another partition: %v", r.Err)
	}
	mu.Lock()
	defer mu.Unlock()
	if len(told) != 1 || told[id.Partition()] != 1 {
		t.Errorf("told %v, want partition %d once", told, id.Partition())
	}
}

// submitOrResult returns how w ended, wherever that was told.
func submitOrResult(t *testing.T, j *bus.Journal, w bus.Write) error {
	t.Helper()
	done := make(chan bus.Result, 1)
	w.Done = func(r bus.Result) { done <- r }
	if err := j.Submit(t.Context(), w); err != nil {
		return err
	}
	return (<-done).Err
}

func TestJournalFencesACheckpointWithoutEvents(t *testing.T) {
	nc := fleet(t)
	old := claim(t, nc, "w-1")
	j := runJournal(t, nc, bus.JournalConfig{})
	id := numbered(t, 1)
	checkpoint := func(owners []bus.Owner, expected uint64) bus.Write {
		w := transition(id, owners, 1, expected, nil)
		w.Events = nil
		return w
	}
	r := write(t, j, checkpoint(old, 0))
	if r.Err != nil {
		t.Fatal(r.Err)
	}
	if err := submitOrResult(t, j, checkpoint(old, 0)); !errors.Is(err, bus.ErrStale) {
		t.Errorf("got %v, want %v: a checkpoint is conditional on its record too", err, bus.ErrStale)
	}
	claimOver(t, nc, old, "w-2")
	if err := submitOrResult(t, j, checkpoint(old, r.Revision)); !errors.Is(err, bus.ErrFenced) {
		t.Errorf("got %v, want %v", err, bus.ErrFenced)
	}
	rec, err := bus.NewRecords(nc).Get(t.Context(), bus.StateSubject(id))
	if err != nil || rec.Revision != r.Revision {
		t.Errorf("record is %+v, %v, want revision %d", rec, err, r.Revision)
	}
}

func TestJournalWritesCursorsOverAndOver(t *testing.T) {
	nc := fleet(t)
	owners := claim(t, nc, "w-1")
	j := runJournal(t, nc, bus.JournalConfig{})
	cursor := func(body string) bus.Write {
		return bus.Write{
			Partition: 0, Epoch: owners[0].Epoch, Unconditional: true,
			State: bus.Message{Subject: bus.CursorStarts, Data: []byte(body)},
		}
	}
	for _, body := range []string{"1", "2", "3"} {
		if r := write(t, j, cursor(body)); r.Err != nil {
			t.Fatal(r.Err)
		}
	}
	claimOver(t, nc, owners[:1], "w-2")
	if err := submitOrResult(t, j, cursor("4")); !errors.Is(err, bus.ErrFenced) {
		t.Errorf("got %v, want %v", err, bus.ErrFenced)
	}
	rec, err := bus.NewRecords(nc).Get(t.Context(), bus.CursorStarts)
	if err != nil || string(rec.Data) != "3" {
		t.Errorf("cursor is %+v, %v, want 3", rec, err)
	}
}

// Two journals take every partition from each other again and again, and both write the same trackers.
func TestJournalsOfTwoOwnersNeverBothWrite(t *testing.T) {
	nc := fleet(t)
	const rounds = 6
	chains := newChains(t, 60)
	var wg sync.WaitGroup
	var fenced, written [2]uint64
	journals := [2]*bus.Journal{runJournal(t, nc, bus.JournalConfig{}), runJournal(t, nc, bus.JournalConfig{})}
	owners := claim(t, nc, "w-0")
	shared := newLedger(chains)
	for round := range rounds {
		for w, j := range journals {
			mine := owners
			wg.Go(func() { shared.writeUntilFenced(t, j, mine, w, round) })
		}
		owners = claimOver(t, nc, owners, "w-"+string(rune('0'+(round+1)%2)))
		wg.Wait()
	}
	for w, j := range journals {
		s := j.Stats()
		fenced[w], written[w] = s.Fenced, s.Written
	}
	if fenced[0]+fenced[1] == 0 || written[0]+written[1] == 0 {
		t.Errorf("fenced %v, written %v: the test is void", fenced, written)
	}
	shared.check(t, bus.NewRecords(nc))
}

// claimOver makes worker the owner of partitions whose owners are as given, and returns the new ones in the same order.
func claimOver(t *testing.T, nc natsConn, owners []bus.Owner, worker string) []bus.Owner {
	t.Helper()
	c := newClaims(t, nc)
	won, lost, err := c.Claim(context.Background(), worker, worker+"-1", owners...)
	if err != nil || len(lost) > 0 {
		t.Fatalf("claim: lost %v, %v", lost, err)
	}
	return won
}

package bus_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"trackerfleet/bus"
)

func TestJournalBlocksSubmitWhenItsLaneIsFull(t *testing.T) {
	nc := fleet(t)
	owners := claim(t, nc, "w-1")
	j, err := bus.NewJournal(nc, bus.JournalConfig{Lanes: 1, QueueWrites: 3})
	if err != nil {
		t.Fatal(err)
	}
	var done atomic.Int32
	count := func(r bus.Result) {
		if r.Err != nil {
			t.Error(r.Err)
		}
		done.Add(1)
	}
	for i := range 3 {
		if err := j.Submit(t.Context(), transition(numbered(t, i), owners, 1, 0, count)); err != nil {
			t.Fatal(err)
		}
	}
	full, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := j.Submit(full, transition(numbered(t, 3), owners, 1, 0, count)); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("got %v, want %v", err, context.DeadlineExceeded)
	}
	if s := j.Stats(); s.Pending != 3 {
		t.Errorf("%d are pending, want 3", s.Pending)
	}
	waiting := make(chan error, 1)
	go func() { waiting <- j.Submit(t.Context(), transition(numbered(t, 4), owners, 1, 0, count)) }()
	running(t, j)
	if err := <-waiting; err != nil {
		t.Fatal(err)
	}
	if err := j.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if done.Load() != 4 {
		t.Errorf("%d writes ended, want 4", done.Load())
	}
}

func TestJournalRevokeEndsWhatHasNotGoneOut(t *testing.T) {
	nc := fleet(t)
	owners := claim(t, nc, "w-1")
	j := runJournal(t, nc, bus.JournalConfig{Lanes: 1})
	id, other := numbered(t, 1), numbered(t, 2)
	// What blocks in Done keeps the lane busy, as nothing but a test may do.
	block := make(chan struct{})
	busy := make(chan struct{})
	first := transition(other, owners, 1, 0, func(bus.Result) { close(busy); <-block })
	if err := j.Submit(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	<-busy
	results := make(chan bus.Result, 2)
	for n := range uint64(2) {
		if err := j.Submit(t.Context(), transition(id, owners, n+1, 0, func(r bus.Result) { results <- r })); err != nil {
			t.Fatal(err)
		}
	}
	p := id.Partition()
	j.Revoke(p, owners[p].Epoch)
	for range 2 {
		if r := <-results; !errors.Is(r.Err, bus.ErrFenced) { // while the lane is still busy
			t.Errorf("got %v, want %v", r.Err, bus.ErrFenced)
		}
	}
	close(block)
	if err := j.Submit(t.Context(), transition(id, owners, 1, 0, func(bus.Result) { t.Error("Done was called") })); !errors.Is(err, bus.ErrFenced) {
		t.Errorf("got %v, want %v", err, bus.ErrFenced)
	}
	if rec, err := bus.NewRecords(nc).Get(t.Context(), bus.StateSubject(id)); rec != nil || err != nil {
		t.Errorf("got %+v, %v, want no record", rec, err)
	}
}

func TestJournalFlushWaitsForItsPartitionOnly(t *testing.T) {
	nc := fleet(t)
	owners := claim(t, nc, "w-1")
	j, err := bus.NewJournal(nc, bus.JournalConfig{Lanes: 1})
	if err != nil {
		t.Fatal(err)
	}
	id, other := numbered(t, 1), numbered(t, 2)
	var done atomic.Bool
	if err := j.Submit(t.Context(), transition(id, owners, 1, 0, func(bus.Result) { done.Store(true) })); err != nil {
		t.Fatal(err)
	}
	if err := j.Flush(t.Context(), other.Partition()); err != nil {
		t.Errorf("nothing is pending there: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if err := j.Flush(ctx, id.Partition()); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want %v: the journal does not run yet", err, context.DeadlineExceeded)
	}
	running(t, j)
	if err := j.Flush(t.Context(), id.Partition()); err != nil || !done.Load() {
		t.Errorf("got %v, done %v", err, done.Load())
	}
}

func TestJournalEndsEveryWriteWhenItStops(t *testing.T) {
	nc := fleet(t)
	owners := claim(t, nc, "w-1")
	j, err := bus.NewJournal(nc, bus.JournalConfig{})
	if err != nil {
		t.Fatal(err)
	}
	const n = 500
	var ended atomic.Int32
	for i := range n {
		w := transition(numbered(t, i), owners, 1, 0, func(r bus.Result) {
			if r.Err != nil && !errors.Is(r.Err, bus.ErrClosed) {
				t.Error(r.Err)
			}
			ended.Add(1)
		})
		if err := j.Submit(t.Context(), w); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := j.Run(ctx); err != nil {
		t.Fatal(err)
	}
	if ended.Load() != n {
		t.Errorf("%d of %d writes ended", ended.Load(), n)
	}
	// The stream takes messages in order: with this one, the batches that were abandoned are behind it.
	storeRecords(t, nc, []string{bus.CursorStarts})
	if err := j.Submit(t.Context(), transition(numbered(t, 1), owners, 1, 0, func(bus.Result) {})); !errors.Is(err, bus.ErrClosed) {
		t.Errorf("got %v, want %v", err, bus.ErrClosed)
	}
	if err := j.Run(t.Context()); err == nil {
		t.Error("a second Run did not fail")
	}
}

func TestJournalRefusesWritesThatCannotBeStored(t *testing.T) {
	nc := fleet(t)
	owners := claim(t, nc, "w-1")
	j := runJournal(t, nc, bus.JournalConfig{MaxBatchMessages: 10})
	good := func() bus.Write { return transition(numbered(t, 1), owners, 1, 0, func(bus.Result) {}) }
	for name, tc := range map[string]struct {
		change func(*bus.Write)
		want   error
	}{
		"partition":    {func(w *bus.Write) { w.Partition = bus.Partitions }, bus.ErrInvalid},
		"epoch":        {func(w *bus.Write) { w.Epoch = 0 }, bus.ErrInvalid},
		"done":         {func(w *bus.Write) { w.Done = nil }, bus.ErrInvalid},
		"wildcard":     {func(w *bus.Write) { w.State.Subject = "tracker.fleet.state.>" }, bus.ErrInvalid},
		"space":        {func(w *bus.Write) { w.Events[0].Subject = "tracker.events.a b.c.1" }, bus.ErrInvalid},
		"line break":   {func(w *bus.Write) { w.State.Subject = "a\r\nPUB b" }, bus.ErrInvalid},
		"long subject": {func(w *bus.Write) { w.State.Subject = string(make([]byte, 5000)) }, bus.ErrInvalid},
		"negative TTL": {func(w *bus.Write) { w.State.TTL = -time.Second }, bus.ErrInvalid},
		"too large":    {func(w *bus.Write) { w.State.Data = make([]byte, 2<<20) }, bus.ErrTooLarge},
		"many events":  {func(w *bus.Write) { w.Events = make([]bus.Message, 9) }, bus.ErrTooLarge},
	} {
		w := good()
		tc.change(&w)
		if err := j.Submit(t.Context(), w); !errors.Is(err, tc.want) {
			t.Errorf("%s: got %v, want %v", name, err, tc.want)
		}
	}
	if r := write(t, j, good()); r.Err != nil {
		t.Errorf("a good write afterwards: %v", r.Err)
	}
}

// A refused message takes only its own write down: the stream stores no subject outside its own.
func TestJournalIsolatesAMessageThatTheStreamRefuses(t *testing.T) {
	nc := fleet(t)
	owners := claim(t, nc, "w-1")
	j, err := bus.NewJournal(nc, bus.JournalConfig{Lanes: 1})
	if err != nil {
		t.Fatal(err)
	}
	const n, bad = 50, 21
	results := make([]bus.Result, n)
	for i := range n {
		w := transition(numbered(t, i), owners, 1, 0, func(r bus.Result) { results[i] = r })
		if i == bad {
			w.Events[0].Header = bus.Header{{Name: "Nats-TTL", Value: "garbage"}}
		}
		if err := j.Submit(t.Context(), w); err != nil {
			t.Fatal(err)
		}
	}
	running(t, j)
	if err := j.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	for i, r := range results {
		var refused *bus.APIError
		if i == bad && !errors.As(r.Err, &refused) || i != bad && r.Err != nil {
			t.Errorf("write %d: %v", i, r.Err)
		}
	}
}

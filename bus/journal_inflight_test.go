package bus_test

import (
	"errors"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"trackerfleet/bus"
)

// openBatches is how many batches a stream takes at one time unless the server is configured otherwise.
const openBatches = 50

// batchPart publishes one message of a batch and returns the answer.
func batchPart(t *testing.T, nc *nats.Conn, batch, sequence int, commit bool) string {
	t.Helper()
	m := nats.NewMsg(fmt.Sprintf("tracker.events.open_%d.started.%d", batch, sequence))
	m.Header = nats.Header{"Nats-Batch-Id": {fmt.Sprint("open-", batch)}, "Nats-Batch-Sequence": {strconv.Itoa(sequence)}}
	if commit {
		m.Header["Nats-Batch-Commit"] = []string{"1"}
	}
	answer, err := nc.RequestMsg(m, testTimeout)
	if err != nil {
		t.Fatal(err)
	}
	return string(answer.Data)
}

// A journal has no more batches open than it is told, however many lanes have something to write: with all places but one taken by
// others it is refused nothing.
func TestJournalKeepsToItsShareOfBatches(t *testing.T) {
	nc := fleet(t)
	owners := claim(t, nc, "w-1")
	j := runJournal(t, nc, bus.JournalConfig{Lanes: 8})
	j.LimitBatches(1)
	for batch := range openBatches - 1 {
		if answer := batchPart(t, nc, batch, 1, false); answer != "" {
			t.Fatalf("batch %d is not open: %s", batch, answer)
		}
	}
	const writes = 2000
	results := make(chan bus.Result, writes)
	for i := range writes {
		if err := j.Submit(t.Context(), transition(numbered(t, i), owners, 1, 0, func(r bus.Result) { results <- r })); err != nil {
			t.Fatal(err)
		}
	}
	for range writes {
		if r := <-results; r.Err != nil {
			t.Fatal(r.Err)
		}
	}
	if s := j.Stats(); s.Retries > 0 || s.Written != writes {
		t.Errorf("got %+v", s)
	}
}

// Other workers keep as many batches open as the stream takes: a write waits until one of them ends, and is neither lost nor
// taken for one of a worker that owns nothing any more.
func TestJournalWaitsWhileTheStreamHasTooManyBatches(t *testing.T) {
	nc := fleet(t)
	owners := claim(t, nc, "w-1")
	j := runJournal(t, nc, bus.JournalConfig{OnFenced: func(partition int, _ uint64) { t.Errorf("partition %d was given up", partition) }})
	for batch := range openBatches {
		if answer := batchPart(t, nc, batch, 1, false); answer != "" {
			t.Fatalf("batch %d is not open: %s", batch, answer)
		}
	}
	results := make(chan bus.Result, 1)
	if err := j.Submit(t.Context(), transition(numbered(t, 1), owners, 1, 0, func(r bus.Result) { results <- r })); err != nil {
		t.Fatal(err)
	}
	await(t, func() bool { return j.Stats().Retries >= 3 })
	var refused *bus.APIError
	if err := j.Stats().LastError; !errors.As(err, &refused) || refused.ErrCode != 10210 {
		t.Errorf("it was refused with %v, want error 10210", err)
	}
	batchPart(t, nc, 0, 2, true)
	select {
	case r := <-results:
		if r.Err != nil {
			t.Error(r.Err)
		}
	case <-time.After(testTimeout):
		t.Fatal("the write never ended")
	}
	if s := j.Stats(); s.Written != 1 || s.Fenced+s.Conflicts+s.Failed != 0 {
		t.Errorf("got %+v", s)
	}
}

package workers

import (
	"testing"
	"time"

	"trackerfleet/bus"
	"trackerfleet/workers/tracker"
)

// bareCell is a cell of a committed record without a server, a source or a store.
func bareCell(t *testing.T, id string) *cell {
	t.Helper()
	parsed, err := bus.ParseID(id)
	if err != nil {
		t.Fatal(err)
	}
	record := tracker.Start(time.Now(), bus.StartRequest{TransactionID: parsed, Source: "sim"}, bus.Trace{}).Next.Owned(1, 1)
	w := &Worker{deadlines: newDeadlines(), stepping: newBacklog[*cell](1), finished: newBacklog[*cell](1)}
	part := &partition{number: parsed.Partition()}
	part.epoch.Store(1)
	c := &cell{worker: w, part: part, profile: &profile{name: "sim"}, record: record}
	c.committed.Store(&commit{record: record, revision: 1})
	return c
}

func TestWhoAsksATrackerThatEndsIsAnsweredOnce(t *testing.T) {
	c := bareCell(t, "one")
	answers := 0
	c.ask(input{done: func(*tracker.Record, error) { answers++ }})
	c.end()
	c.close()
	c.ask(input{done: func(*tracker.Record, error) { answers++ }})
	if answers != 2 {
		t.Errorf("two who asked got %d answers", answers)
	}
}

package bus_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"trackerfleet/bus"
)

// model is what the stream must hold, by the rules alone: a write counts when its epoch is the partition's and its record
// is at the revision that it expects.
type model struct {
	epochs  map[int]uint64
	records map[string]uint64 // revision by subject; absent: no record
}

// modelWrite is one write of a round, with what the model says of it.
type modelWrite struct {
	id       bus.ID
	expected uint64
	fenced   bool
	stale    bool
	result   bus.Result
}

// Writes with right and wrong revisions and epochs, in rounds that each share batches, end as the model says, and the
// stream holds what the model holds.
func TestJournalAgreesWithItsModel(t *testing.T) {
	nc := fleet(t)
	records := bus.NewRecords(nc)
	claims := newClaims(t, nc)
	run := 0
	rapid.Check(t, func(rt *rapid.T) {
		run++
		lanes := rapid.IntRange(1, 4).Draw(rt, "lanes")
		ids := make([]bus.ID, rapid.IntRange(1, 12).Draw(rt, "ids"))
		for i := range ids {
			ids[i] = parseID(t, fmt.Sprintf("r%d-%d", run, i))
		}
		seen, err := claims.OwnersOf(t.Context(), partitionsOf(ids)...)
		if err != nil {
			rt.Fatal(err)
		}
		owners, lost, err := claims.Claim(t.Context(), "w-1", "w-1-1", seen...)
		if err != nil || len(lost) > 0 {
			rt.Fatal(lost, err)
		}
		m := &model{epochs: map[int]uint64{}, records: map[string]uint64{}}
		for _, o := range owners {
			m.epochs[o.Partition] = o.Epoch
		}
		for round := range rapid.IntRange(1, 4).Draw(rt, "rounds") {
			writes := m.draw(rt, ids)
			size := rapid.IntRange(3, 40).Draw(rt, "batch")
			m.submit(t, rt, bus.JournalConfig{Lanes: lanes, MaxBatchMessages: size}, nc, writes, round)
			m.check(rt, writes)
		}
		for _, id := range ids {
			rec, err := records.Get(t.Context(), bus.StateSubject(id))
			if err != nil {
				rt.Fatal(err)
			}
			if want := m.records[bus.StateSubject(id)]; want == 0 && rec != nil || want != 0 && (rec == nil || rec.Revision != want) {
				rt.Fatalf("%s is %+v, want revision %d", id, rec, want)
			}
		}
	})
}

func partitionsOf(ids []bus.ID) []int {
	var partitions []int
	for _, id := range ids {
		if p := id.Partition(); !slices.Contains(partitions, p) {
			partitions = append(partitions, p)
		}
	}
	return partitions
}

// draw chooses at most one write for each transaction.
func (m *model) draw(rt *rapid.T, ids []bus.ID) []*modelWrite {
	var writes []*modelWrite
	for _, id := range ids {
		kind := rapid.SampledFrom([]string{"right", "right", "right", "none", "stale", "absent", "fenced"}).Draw(rt, id.String())
		revision := m.records[bus.StateSubject(id)]
		w := &modelWrite{id: id, expected: revision}
		switch kind {
		case "none":
			continue
		case "stale":
			w.expected, w.stale = revision+1, true
		case "absent":
			w.expected, w.stale = 0, revision != 0
		case "fenced":
			w.fenced = true
		}
		writes = append(writes, w)
	}
	return writes
}

func (m *model) submit(t *testing.T, rt *rapid.T, cfg bus.JournalConfig, nc natsConn, writes []*modelWrite, round int) {
	// A journal of its own for each round: it has not heard of any fence.
	j, stop := startJournal(t, nc, cfg)
	defer stop()
	for _, w := range writes {
		p := w.id.Partition()
		epoch := m.epochs[p]
		if w.fenced = w.fenced && epoch > 1; w.fenced { // there is no epoch before the stream's first
			epoch--
		}
		write := bus.Write{
			Partition: p, Epoch: epoch, Expected: w.expected,
			State: bus.Message{Subject: bus.StateSubject(w.id), Data: []byte(strings.Repeat("x", round))},
			Done:  func(r bus.Result) { w.result = r },
		}
		for e := range rapid.IntRange(0, 1).Draw(rt, "events") {
			write.Events = append(write.Events, bus.Message{Subject: bus.EventSubject(w.id, "progress", uint64(round*10+e))})
		}
		if err := j.Submit(t.Context(), write); err != nil {
			w.result = bus.Result{Err: err}
		}
	}
	if err := j.Flush(t.Context()); err != nil {
		rt.Fatal(err)
	}
}

// check compares every end with the model. The fence of a partition may also take a stale write of its old epoch along.
func (m *model) check(rt *rapid.T, writes []*modelWrite) {
	for _, w := range writes {
		subject := bus.StateSubject(w.id)
		switch err := w.result.Err; {
		case w.fenced:
			if !errors.Is(err, bus.ErrFenced) {
				rt.Fatalf("%s: got %v, want %v", w.id, err, bus.ErrFenced)
			}
		case w.stale:
			var stale *bus.StaleError
			if !errors.As(err, &stale) {
				rt.Fatalf("%s: got %v, want %v", w.id, err, bus.ErrStale)
			}
			if have := m.records[subject]; have != 0 && (stale.Record == nil || stale.Record.Revision != have) {
				rt.Fatalf("%s: told of %+v, want revision %d", w.id, stale.Record, have)
			}
		case err != nil:
			rt.Fatalf("%s: %v", w.id, err)
		case w.result.Revision <= m.records[subject]:
			rt.Fatalf("%s: revision went from %d to %d", w.id, m.records[subject], w.result.Revision)
		default:
			m.records[subject] = w.result.Revision
		}
	}
}

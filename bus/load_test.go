package bus_test

import (
	"context"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"

	"trackerfleet/bus"
)

// storeRecords writes raw state records in bulk, as an earlier owner would have left them, and returns their revisions.
func storeRecords(t testing.TB, nc *nats.Conn, subjects []string) map[string]uint64 {
	t.Helper()
	p, err := bus.NewBatchPublisher(nc)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	revisions := make(map[string]uint64, len(subjects))
	for len(subjects) > 0 {
		n := min(len(subjects), bus.MaxBatch)
		msgs := make([]*nats.Msg, n)
		for i, s := range subjects[:n] {
			msgs[i] = &nats.Msg{Subject: s, Data: []byte(s), Header: nats.Header{"Mixed-cASE": {"kept"}}}
		}
		first, err := p.Publish(t.Context(), msgs)
		if err != nil {
			t.Fatal(err)
		}
		for i, s := range subjects[:n] {
			revisions[s] = first + uint64(i)
		}
		subjects = subjects[n:]
	}
	return revisions
}

// slotSubjects are state subjects of one partition, spread over its slots, or all in one of them.
func slotSubjects(partition, n int, oneSlot bool) []string {
	subjects := make([]string, n)
	for i := range subjects {
		slot := partition
		if !oneSlot {
			slot += i % (bus.Slots / bus.Partitions) * bus.Partitions
		}
		subjects[i] = "tracker.fleet.state." + strconv.Itoa(partition) + "." + strconv.Itoa(slot) + ".t" + strconv.Itoa(i)
	}
	return subjects
}

func TestLoadReturnsEveryRecordOfThePartitionsOnce(t *testing.T) {
	nc := fleet(t)
	subjects := slotSubjects(3, 2500, false)                      // more than one answer holds
	subjects = append(subjects, slotSubjects(4, 1100, true)...)   // even in a single slot
	subjects = append(subjects, slotSubjects(5, 1, false)...)     //
	subjects = append(subjects, slotSubjects(200, 100, false)...) // not asked for, except by a scan
	revisions := storeRecords(t, nc, subjects)
	owners := claim(t, nc, "w-1")
	for name, partitions := range map[string][]int{
		"none": {}, "one": {3}, "one slot": {4}, "some": {3, 4, 5, 6}, "empty": {7}, "most": numbers(0, 100), "all": numbers(0, bus.Partitions),
	} {
		t.Run(name, func(t *testing.T) {
			var held []bus.Holding
			want := map[string]uint64{}
			for _, p := range partitions {
				held = append(held, owners[p].Holding())
				for s, revision := range revisions {
					if hasPartition(s, p) {
						want[s] = revision
					}
				}
			}
			for rec, err := range bus.NewRecords(nc).Load(t.Context(), held...) {
				if err != nil {
					t.Fatal(err)
				}
				if rec.Revision != want[rec.Subject] || string(rec.Data) != rec.Subject || len(rec.Header["Mixed-cASE"]) != 1 {
					t.Fatalf("got %+v, want revision %d once", rec, want[rec.Subject])
				}
				delete(want, rec.Subject)
			}
			if len(want) > 0 {
				t.Errorf("%d records are missing", len(want))
			}
		})
	}
}

func numbers(from, to int) []int {
	out := make([]int, 0, to-from)
	for i := from; i < to; i++ {
		out = append(out, i)
	}
	return out
}

func hasPartition(subject string, p int) bool {
	return strings.HasPrefix(subject, "tracker.fleet.state."+strconv.Itoa(p)+".")
}

func TestLoadFailsWhenThePartitionHasAnotherOwner(t *testing.T) {
	nc := fleet(t)
	old := claim(t, nc, "w-1")
	claimOver(t, nc, old[9:10], "w-2")
	for _, held := range [][]bus.Holding{{old[9].Holding()}, holdings(old)} {
		var last error
		for _, err := range bus.NewRecords(nc).Load(t.Context(), held...) {
			last = err
		}
		var fenced *bus.FencedError
		if !errors.As(last, &fenced) || fenced.Partition != 9 {
			t.Errorf("%d partitions: got %v, want the fence of partition 9", len(held), last)
		}
	}
}

func holdings(owners []bus.Owner) []bus.Holding {
	held := make([]bus.Holding, len(owners))
	for i, o := range owners {
		held[i] = o.Holding()
	}
	return held
}

// A replica that has not got the claim looks like a claim that is not there yet: the reader waits for it.
func TestLoadWaitsForTheClaim(t *testing.T) {
	nc := fleet(t)
	owners := claim(t, nc, "w-1")
	ahead := owners[9].Holding()
	ahead.Epoch = owners[len(owners)-1].Epoch + 1
	result := make(chan error, 1)
	go func() {
		var last error
		for _, err := range bus.NewRecords(nc).Load(t.Context(), ahead) {
			last = err
		}
		result <- last
	}()
	select {
	case err := <-result:
		t.Fatalf("loaded before the claim: %v", err)
	default:
	}
	if won := claimOver(t, nc, owners[9:10], "w-2"); won[0].Epoch != ahead.Epoch {
		t.Fatalf("claimed at %d, want %d", won[0].Epoch, ahead.Epoch)
	}
	if err := <-result; err != nil {
		t.Error(err)
	}
}

func TestLoadEndsWithItsReaderAndItsContext(t *testing.T) {
	nc := fleet(t)
	storeRecords(t, nc, slotSubjects(3, 100, false))
	owners := claim(t, nc, "w-1")
	for _, held := range [][]bus.Holding{{owners[3].Holding()}, holdings(owners)} {
		for _, err := range bus.NewRecords(nc).Load(t.Context(), held...) {
			if err != nil {
				t.Error(err)
			}
			break
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		var last error
		for _, err := range bus.NewRecords(nc).Load(ctx, held...) {
			last = err
		}
		if !errors.Is(last, context.Canceled) {
			t.Errorf("got %v, want %v", last, context.Canceled)
		}
	}
}

// A consumer of several subjects is slow where messages were replaced, whatever it asks for.
func TestAScanAsksForOneSubject(t *testing.T) {
	nc := fleet(t)
	owners := claim(t, nc, "w-1")
	asked, err := nc.SubscribeSync("$JS.API.CONSUMER.CREATE.TRACKER.>")
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range bus.NewRecords(nc).Load(t.Context(), holdings(owners)...) {
		if err != nil {
			t.Fatal(err)
		}
	}
	m, err := asked.NextMsg(testTimeout)
	if err != nil {
		t.Fatal(err)
	}
	var create struct {
		Config struct {
			Subject  string   `json:"filter_subject"`
			Subjects []string `json:"filter_subjects"`
		} `json:"config"`
	}
	if err := json.Unmarshal(m.Data, &create); err != nil {
		t.Fatal(err)
	}
	if n := len(create.Config.Subjects); n > 1 || n == 0 && create.Config.Subject == "" {
		t.Errorf("it asks for %+v", create.Config)
	}
}

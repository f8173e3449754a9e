package tracker

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"trackerfleet/bus"
	"trackerfleet/workers/source"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var epoch = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func mustID(tb testing.TB, s string) bus.ID {
	tb.Helper()
	id, err := bus.ParseID(s)
	if err != nil {
		tb.Fatal(err)
	}
	return id
}

// walk leads one record through what happens to it and holds what every decision promises.
type walk struct {
	*testing.T
	r      *Record
	now    time.Time
	policy *source.Policy
	last   Decision
	before *Record
}

// begins starts a transaction under a policy.
func begins(t *testing.T, p source.Policy) *walk {
	t.Helper()
	w := &walk{T: t, now: epoch, policy: &p}
	w.did(Start(epoch, bus.StartRequest{TransactionID: mustID(t, "txn_1"), Source: "sim", Timeout: bus.Duration(time.Hour)}, bus.Trace{}))
	return w
}

// did takes a decision over.
func (w *walk) did(d Decision) {
	w.Helper()
	w.last, w.before = d, w.r
	if len(d.Events) > 0 && (!d.Durable || d.Next == nil) {
		w.Fatalf("events without a record to write: %+v", d)
	}
	if d.Next != nil {
		w.r = d.Next
	}
}

// sees observes o a second later.
func (w *walk) sees(o source.Observation) {
	w.Helper()
	w.now = w.now.Add(time.Second)
	if o.At.IsZero() {
		o.At = w.now
	}
	w.did(w.r.Observe(w.now, w.policy, o))
}

// is fails the test unless the last decision emitted these events, each as "type data", and led to status.
func (w *walk) is(status bus.Status, events ...string) {
	w.Helper()
	var got []string
	for _, e := range w.last.Events {
		data, err := json.Marshal(e.Data)
		if err != nil {
			w.Fatal(err)
		}
		got = append(got, e.Type+" "+string(data))
	}
	if diff := cmp.Diff(events, got); diff != "" {
		w.Errorf("events (-want +got):\n%s", diff)
	}
	if w.r.Status() != status {
		w.Errorf("status %s, want %s", w.r.Status(), status)
	}
}

// unchanged fails the test if the last decision changed anything.
func (w *walk) unchanged() {
	w.Helper()
	if w.last.Next != nil || len(w.last.Events) > 0 || w.last.Durable {
		w.Errorf("changed: %+v", w.last)
	}
}

// wakes fails the test unless the last decision asks for this.
func (w *walk) wakes(height uint64, head source.Finality) {
	w.Helper()
	if want := (source.Wake{Height: height, Head: head}); w.last.Wake != want {
		w.Errorf("wake %+v, want %+v", w.last.Wake, want)
	}
	if got := w.r.Wake(w.policy); got != w.last.Wake {
		w.Errorf("wake of the record %+v, of the decision %+v", got, w.last.Wake)
	}
}

func at(number uint64, hash string) source.BlockRef {
	return source.BlockRef{Number: number, Hash: hash}
}

func in(number uint64, hash string) *source.Inclusion {
	return &source.Inclusion{Block: at(number, hash), Success: true, GasUsed: "21000"}
}

func reverted(number uint64, hash string) *source.Inclusion {
	i := in(number, hash)
	i.Success, i.Reason = false, "out of luck"
	return i
}

func included(i *source.Inclusion, head uint64) source.Observation {
	return source.Observation{Kind: source.Included, Inclusion: i, Head: head}
}

func advanced(head uint64) source.Observation {
	return source.Observation{Kind: source.Advanced, Head: head}
}

func waits(head uint64) source.Observation {
	return source.Observation{Kind: source.Pending, Head: head, Pending: &source.PendingDetails{Nonce: "7"}}
}

func absent(head uint64, endpoint, endpoints int) source.Observation {
	return source.Observation{Kind: source.Absent, Head: head, Endpoint: endpoint, Endpoints: endpoints}
}

func reorged(from, to *source.Inclusion, head uint64) source.Observation {
	return source.Observation{Kind: source.Reorged, From: from, Inclusion: to, Depth: 2, Head: head}
}

func replacing(by string, i *source.Inclusion, head uint64) source.Observation {
	return source.Observation{Kind: source.Replacing, By: by, Replacement: "speedup", Inclusion: i, Head: head}
}

// after formats the time some seconds after the start.
func after(seconds int) string {
	return fmt.Sprintf("%q", epoch.Add(time.Duration(seconds)*time.Second).Format(time.RFC3339Nano))
}

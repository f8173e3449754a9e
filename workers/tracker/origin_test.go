package tracker

import (
	"testing"
	"time"

	"trackerfleet/bus"
)

// TestStartIsKnownByItsPlaceInTheStream: whether a start has begun a run is told by sequences, through the store and over runs, and not by
// times.
func TestStartIsKnownByItsPlaceInTheStream(t *testing.T) {
	id, err := bus.ParseID("txn_1")
	if err != nil {
		t.Fatal(err)
	}
	req := bus.StartRequest{TransactionID: id, Source: "sim"}
	made := time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)
	at := func(sequence uint64) Origin { return Origin{Stream: made, Sequence: sequence} }
	streamed := Start(epoch, req, bus.Trace{}).Next.From(at(7))
	ended := streamed.Stop(epoch, "normal", "test").Next
	rerun := ended.Rerun(epoch.Add(-time.Hour), req, bus.Trace{}).Next // by request
	for _, c := range []struct {
		name  string
		r     *Record
		o     Origin
		began bool
	}{
		{"itself", streamed, at(7), true},
		{"one before it", streamed, at(6), true},
		{"one behind it", streamed, at(8), false},
		{"the same place in another stream", streamed, Origin{Stream: made.Add(1), Sequence: 7}, false},
		{"one that came in no stream", streamed, Origin{}, false},
		{"itself, when its run has ended", ended, at(7), true},
		{"itself, when another run came by request", rerun.From(Origin{}), at(7), true},
		{"one behind it, when another run came by request", rerun.From(Origin{}), at(8), false},
		{"one of a later run", rerun.From(at(9)), at(9), true},
		{"any, when all came by request", Start(epoch, req, bus.Trace{}).Next, at(1), false},
	} {
		b, err := Encode(c.r)
		if err != nil {
			t.Fatal(err)
		}
		stored, err := Decode(b)
		if err != nil {
			t.Fatal(err)
		}
		if got := stored.Began(c.o); got != c.began {
			t.Errorf("%s: began is %v", c.name, got)
		}
	}
}

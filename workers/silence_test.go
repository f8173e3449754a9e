package workers

import (
	"errors"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"trackerfleet/bus"
)

// TestRecordSpeaksForAPartitionThatComesOrGoes: from its claim to its release nobody else can write, so what is stored is no stale
// answer, whether the tracker runs not yet or not any more.
func TestRecordSpeaksForAPartitionThatComesOrGoes(t *testing.T) {
	s := newSite(t)
	w := s.worker("w-1", nil)
	s.request("spawn", `{"transaction_id":"one",`+waits+`}`)
	id, err := bus.ParseID("one")
	if err != nil {
		t.Fatal(err)
	}
	part := w.partitions[id.Partition()]
	if late := w.beginHandOver("", []*partition{part}).awaitGone(t.Context(), time.Minute); len(late) > 0 {
		t.Fatal("the tracker does not end")
	}
	for _, state := range []partitionState{leaving, loading} {
		part.enter(state)
		answer := s.request("lookup", "one")
		if answer["stale"] != false || path(answer, "tracker", "phase") != "handoff" || path(answer, "tracker", "worker") != "w-1" {
			t.Errorf("in state %d lookup answered %v", state, answer)
		}
		if answer := s.request("stop", "one"); path(answer, "error", "code") != "unavailable" {
			t.Errorf("in state %d stop answered %v", state, answer)
		}
	}
	w.freeze.Store(true)
	if answer := s.request("lookup", "one"); answer["stale"] != true {
		t.Errorf("frozen, lookup answered %v", answer)
	}
	w.freeze.Store(false)
}

// TestRequestsThatHaveArrivedAreAnsweredAfterASilence: whoever asked the owner just before it gave a partition up gets an answer.
func TestRequestsThatHaveArrivedAreAnsweredAfterASilence(t *testing.T) {
	s := newSite(t)
	w := s.worker("w-1", nil)
	s.request("spawn", `{"transaction_id":"one",`+waits+`}`)
	id, err := bus.ParseID("one")
	if err != nil {
		t.Fatal(err)
	}
	answers, err := s.nc.SubscribeSync(s.nc.NewInbox())
	if err != nil {
		t.Fatal(err)
	}
	const asked = 5000
	subject := bus.RequestSubject(id.Partition(), "lookup", id.Token())
	for i := range asked {
		if err := s.nc.PublishRequest(subject, answers.Subject, []byte("one")); err != nil {
			t.Fatal(err)
		}
		if i == asked/2 {
			w.silence([]*partition{w.partitions[id.Partition()]})
		}
	}
	for n := range asked {
		if _, err := answers.NextMsg(20 * time.Second); err != nil && !errors.Is(err, nats.ErrNoResponders) {
			t.Fatalf("%d of %d requests are answered: %v", n, asked, err)
		}
	}
}

package workers

import (
	"context"
	"errors"
	"testing"
	"time"

	"trackerfleet/supervision"
	"trackerfleet/workers/tracker"
)

// TestCrashOnRequestDuringBackoffWaitsForTheRestart: a request during a restart waits until the tracker runs.
func TestCrashOnRequestDuringBackoffWaitsForTheRestart(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.worker("w-1", func(c *Config) { c.Backoff = supervision.Backoff{Base: time.Second, Cap: time.Second} })
	s.request("spawn", `{"transaction_id":"one",`+waits+`}`)
	for want := 2.0; want < 5; want += 2 {
		s.request("call", `{"transaction_id":"one","op":"crash"}`)
		answer := s.request("stop", `{"transaction_id":"one","reason":"its_a_crash"}`)
		if answer["status"] != "restarted" || path(answer, "tracker", "incarnation") != want+1 {
			t.Errorf("stop answered %v, want incarnation %v", answer, want+1)
		}
	}
}

func TestCrashOnRequestEndsATemporaryTrackerAndFreesItsName(t *testing.T) {
	s := newSite(t)
	w := s.worker("w-1", nil)
	s.request("spawn", `{"transaction_id":"one","restart":"temporary",`+waits+`}`)
	if answer := s.request("stop", `{"transaction_id":"one","reason":"its_a_crash"}`); answer["status"] != "stopped" {
		t.Errorf("stop answered %v", answer)
	}
	if _, taken := w.names.Lookup("one"); taken {
		t.Error("the name is taken still")
	}
}

// crasher is a server that waits in its first message to be let go, and crashes then.
type crasher struct{ hung }

func (c *crasher) HandleInfo(context.Context, any) error {
	<-c.release
	return errors.New("crashed")
}

// TestWhatWaitsForAServerThatCrashesDoesNotWaitForTheNext: a stop is not held up by a long backoff.
func TestWhatWaitsForAServerThatCrashesDoesNotWaitForTheNext(t *testing.T) {
	s := newSite(t)
	w := s.worker("w-1", nil)
	c := bareCell(t, "one")
	c.part, c.profileIndex = w.partitions[c.part.number], w.profiles["sim"].index
	release := make(chan struct{})
	kind := &supervision.ChildType{
		Backoff: supervision.Backoff{Base: 1000 * time.Hour, Cap: 1000 * time.Hour},
		Server: func(child *supervision.Child) supervision.Server {
			return &crasher{hung{server{cellOf(child)}, release}}
		},
	}
	child, err := w.trackers.StartChild(t.Context(), supervision.ChildSpec{ID: "one", Type: kind, Arg: c})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	c.wake() // keeps the server busy
	c.ask(input{
		decide: func(*tracker.Record, time.Time) tracker.Decision { return tracker.Decision{} },
		done:   func(*tracker.Record, error) { close(done) },
	})
	close(release)
	select {
	case <-done:
	case <-time.After(20 * time.Second):
		t.Errorf("nothing was decided in phase %v", child.Phase())
	}
}

// TestRetryBringsBackWhatIsParkedHereThoughItsRecordDoesNotSaySo: the record may not have been writable when it was parked.
func TestRetryBringsBackWhatIsParkedHereThoughItsRecordDoesNotSaySo(t *testing.T) {
	s := newSite(t)
	w := s.worker("w-1", nil)
	c := bareCell(t, "one")
	c.part, c.profileIndex = w.partitions[c.part.number], w.profiles["sim"].index
	c.commitLocked(c.record.Load(), 0)
	_, target, err := w.target("sim", c.record.Load().ID(), nil)
	if err != nil {
		t.Fatal(err)
	}
	c.policy, c.onLocked().unwatched = target.Policy, &target
	spec := supervision.ChildSpec{ID: "one", Type: w.trackerType, Arg: c, Parked: true}
	if _, err := w.trackers.StartChild(t.Context(), spec); err != nil {
		t.Fatal(err)
	}
	if answer := s.request("lookup", "one"); path(answer, "tracker", "phase") != "parked" {
		t.Errorf("lookup answered %v", answer)
	}
	if answer := s.request("retry", "one"); answer["status"] != "resumed" {
		t.Errorf("retry answered %v", answer)
	}
	if answer := s.request("call", "one"); answer["status"] != "ok" {
		t.Errorf("call answered %v", answer)
	}
}

package workers

import (
	"strings"
	"testing"
	"time"

	"trackerfleet/bus"
	"trackerfleet/supervision"
	"trackerfleet/workers/simulated"
)

// TestALookupSaysWhyATrackerWaits goes through the phases of a tracker, and an outage of its source.
func TestALookupSaysWhyATrackerWaits(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	var sim *simulated.Source
	s.worker("w-1", func(c *Config) {
		sim = c.Sources["sim"].(*simulated.Source)
		c.Restarts = supervision.Intensity{MaxRestarts: 1, Period: time.Hour}
		c.Backoff = supervision.Backoff{Base: time.Minute, Cap: time.Minute}
	})
	s.spawn(`{"transaction_id":"pending","params":{"outcome":"pending"}}`)
	s.spawn(`{"transaction_id":"included","params":{"outcome":"confirm","confirmations":1000000}}`)
	s.spawn(`{"transaction_id":"ends","params":{"outcome":"confirm","confirmations":1}}`)

	s.awaitWaiting("pending", "a block that holds it")
	s.awaitWaiting("included", " more confirmations (")
	if tr, _ := s.request("lookup", "included")["tracker"].(map[string]any); tr["last_check_endpoint"] != "simulated-1" {
		t.Errorf("the last check was of %v", tr["last_check_endpoint"])
	}
	s.eventTypes("ends")
	s.awaitWaiting("ends", "")

	sim.SetOutage(true)
	s.awaitWaiting("pending", "; its source cannot be followed since 2")
	sim.SetOutage(false)
	s.awaitWaiting("pending", "a block that holds it")

	s.request("call", `{"transaction_id":"pending","op":"crash"}`)
	s.awaitWaiting("pending", " after crash 1; more than 1 within 1h0m0s park it")
	s.request("call", `{"transaction_id":"included","op":"crash"}`)
	s.awaitWaiting("included", "its restart at ")

	listed, _ := s.request("list", `{"filter":"id:pending"}`)["trackers"].([]any)
	if len(listed) != 1 || !strings.HasPrefix(listed[0].(map[string]any)["waiting_for"].(string), "its restart at ") {
		t.Errorf("listed as %v", listed)
	}
}

func (s *site) spawn(start string) {
	s.t.Helper()
	if got := s.request("spawn", start); got["status"] != "created" {
		s.t.Fatalf("spawn answered %v", got)
	}
}

// awaitWaiting waits until a lookup says that a tracker waits for something with want in it; "": that it waits for nothing.
func (s *site) awaitWaiting(id, want string) {
	s.t.Helper()
	eventually(s.t.(*testing.T), id+" waits for "+want, func() bool {
		got, _ := path(s.request("lookup", id), "tracker", "waiting_for").(string)
		return want == "" && got == "" || want != "" && strings.Contains(got, want)
	})
}

func TestAStoredRecordSaysWhatItWaitsFor(t *testing.T) {
	for phase, want := range map[bus.Phase]string{
		bus.PhaseFinished: "", bus.PhaseHandoff: "partition 7, which changes hands",
		bus.PhaseParked: "tracker.retry: it crashed too often and is parked, after 3 restarts",
	} {
		if got := storedWaiting(&bus.Tracker{Phase: phase, Partition: 7, Restarts: 3}); got != want {
			t.Errorf("%s: waits for %q, want %q", phase, got, want)
		}
	}
}

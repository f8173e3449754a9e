package workers

import (
	"context"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"trackerfleet/bus"
	"trackerfleet/workers/simulated"
)

// TestARefreshAnswersWithWhatTheSourceSays, or says that it has not, in the time that the caller gives it.
func TestARefreshAnswersWithWhatTheSourceSays(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	var sim *simulated.Source
	s.worker("w-1", func(c *Config) { sim = c.Sources["sim"].(*simulated.Source) })
	s.spawn(`{"transaction_id":"one",` + waits + `}`)
	s.awaitWaiting("one", "a block that holds it")
	refresh := func() map[string]any { return s.request("call", `{"transaction_id":"one","op":"refresh"}`) }

	sim.SetNullShare(1)
	asked := time.Now()
	got := refresh()
	if at, err := time.Parse(time.RFC3339, path(got, "tracker", "last_check_at").(string)); err != nil || at.Before(asked.Add(-s.sim.BlockTime)) {
		t.Errorf("asked at %v, the answer is %v", asked, got)
	}
	if got["answered"] != true {
		t.Errorf("the answer is %v", got)
	}

	sim.SetOutage(true)
	s.awaitWaiting("one", "cannot be followed")
	if got := refresh(); got["status"] != "ok" || got["answered"] != false || path(got, "tracker", "status") != "pending" {
		t.Errorf("in an outage the answer is %v", got)
	}
	if got := s.request("call", `{"transaction_id":"one"}`); got["answered"] != nil {
		t.Errorf("state answered %v", got)
	}
}

// TestARefreshEndsWithItsTracker: who waits is told at once.
func TestARefreshEndsWithItsTracker(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	var sim *simulated.Source
	w := s.worker("w-1", func(c *Config) { sim = c.Sources["sim"].(*simulated.Source) })
	s.spawn(`{"transaction_id":"one",` + waits + `}`)
	sim.SetOutage(true)
	id, err := bus.ParseID("one")
	if err != nil {
		t.Fatal(err)
	}
	c, ok := w.here(id)
	if !ok {
		t.Fatal("no tracker")
	}
	wait := w.refreshes.begin(c, 1)
	s.request("stop", "one")
	select {
	case <-wait.done:
	case <-time.After(20 * time.Second):
		t.Error("who waits for the source of a tracker that has ended waits on")
	}
	w.refreshes.end(wait)
	if n := len(w.refreshes.waiting); n != 0 {
		t.Errorf("%d are waited for still", n)
	}
}

// TestRefreshesThatAreTooManyWaitForNothing: a source in trouble does not take the room of other requests.
func TestRefreshesThatAreTooManyWaitForNothing(t *testing.T) {
	var f refreshes
	c := &cell{}
	first, second := f.begin(c, 1), f.begin(c, 1)
	patient := request{header: nats.Header{bus.HeaderTimeoutMS: {"3600000"}}}
	ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
	defer cancel()
	if second.answered(ctx, patient) { // or waits for most of an hour
		t.Error("the second one was answered by nobody")
	}
	f.seen(c)
	f.decided(c)
	if !first.answered(ctx, patient) {
		t.Error("the first one was not answered")
	}
	f.end(second)
	f.end(first)
	if third := f.begin(c, 1); third.full {
		t.Error("there is no room after all have ended")
	}
}

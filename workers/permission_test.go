package workers

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"trackerfleet/bus"
)

// TestWorkerThatLacksAPermissionIsNotReady: it names the permission, tells its peers, asks again without leaving anything, and is
// ready when it has not been refused for a while.
func TestWorkerThatLacksAPermissionIsNotReady(t *testing.T) {
	takesAWhile(t)
	t.Parallel()
	s := newSite(t)
	refusals := new(bus.Refusals)
	w := s.worker("w-1", func(c *Config) { c.Refusals = refusals })
	canaries, err := s.nc.SubscribeSync("tracker.events.canary.>")
	if err != nil {
		t.Fatal(err)
	}
	if len(failing(w)) > 0 {
		t.Fatalf("not ready: %v", failing(w))
	}
	for _, subject := range append(owning, "tracker.events.txn.started.1") {
		violation := fmt.Errorf("%w: Permissions Violation for Publish to %q", nats.ErrPermissionViolation, subject)
		if _, _, noted := refusals.Permission(violation, time.Now()); !noted {
			t.Fatalf("%v is not noted", violation)
		}
	}
	before := streamed(t, s)
	for _, c := range w.Ready() {
		switch missing := errors.Is(c.Err, bus.ErrPermission); {
		case missing != (c.Name == "permissions"):
			t.Errorf("%s: %v", c.Name, c.Err)
		case missing && !strings.Contains(c.Err.Error(), "may not publish to tracker.events.txn.started.1"):
			t.Errorf("the permission is not named: %v", c.Err)
		}
	}
	var h bus.Heartbeat
	if w.describe(&h); !h.Unfit {
		t.Error("its peers are not told")
	}
	if _, err := canaries.NextMsgWithContext(t.Context()); err != nil {
		t.Errorf("it does not ask again: %v", err)
	}
	eventually(t, "ready again", func() bool { return len(failing(w)) == 0 })
	if after := streamed(t, s); after != before {
		t.Errorf("%d messages were stored for asking, %d were there", after, before)
	}
}

// streamed returns how many messages there are of what a worker asks with.
func streamed(t *testing.T, s *site) (n int) {
	t.Helper()
	stream, err := s.js.Stream(t.Context(), bus.StreamTracker)
	if err != nil {
		t.Fatal(err)
	}
	for _, subject := range owning {
		if _, err := stream.GetLastMsgForSubject(t.Context(), subject); err == nil && subject != canarySubject {
			n++
		}
	}
	return n
}

package cli

import (
	"strings"
	"testing"

	"trackerfleet/bus"
)

func TestWait_exitsWithTheEnd(t *testing.T) {
	for status, want := range map[bus.Status]int{
		bus.StatusConfirmed: 0, bus.StatusFailed: 10, bus.StatusReplaced: 11, bus.StatusDropped: 12, bus.StatusExpired: 13, bus.StatusStopped: 14,
	} {
		ended := &fakeFleet{lookup: bus.LookupReply{Status: bus.LookupFound, Tracker: tracked(status)}}
		if got := tracker(t, ended, "", "wait", "txn_1"); got.code != want {
			t.Errorf("ended as %s: exit %d, want %d", status, got.code, want)
		}
		f := &fakeFleet{
			lookup: bus.LookupReply{Status: bus.LookupFound, Tracker: tracked(bus.StatusPending)},
			events: []*bus.Event{event("stopped", 1, 3), event("started", 2, 4), event(string(status), 2, 5)},
			block:  true,
		}
		if got := tracker(t, f, "", "wait", "txn_1"); got.code != want {
			t.Errorf("%s: exit %d, want %d", status, got.code, want)
		}
	}
}

func TestWait_forAnEventExitsWhenItComes(t *testing.T) {
	for _, tc := range []struct {
		want   string
		now    bus.Status
		events []string
		code   int
	}{
		{"pending", bus.StatusPending, nil, 0},
		{"confirming", bus.StatusPending, []string{"pending", "included"}, 0},
		{"restarted", bus.StatusPending, []string{"pending", "restarted"}, 0},
		{"failed", bus.StatusPending, []string{"failed"}, 0},
		{"failed", bus.StatusPending, []string{"confirmed"}, 1},
		{"confirmed", bus.StatusPending, []string{"included", "dropped"}, 12},
		{"reorged", bus.StatusConfirmed, nil, 1},
		{"reorged", bus.StatusExpired, nil, 13},
	} {
		f := &fakeFleet{lookup: bus.LookupReply{Status: bus.LookupFound, Tracker: tracked(tc.now)}, block: true}
		for i, e := range tc.events {
			f.events = append(f.events, event(e, 2, uint64(i+1)))
		}
		if got := tracker(t, f, "", "wait", "txn_1", "--for", tc.want); got.code != tc.code {
			t.Errorf("%+v: %+v", tc, got)
		}
	}
}

func TestWait_saysWhenTimeRanOutOrThereIsNothing(t *testing.T) {
	f := &fakeFleet{lookup: bus.LookupReply{Status: bus.LookupFound, Tracker: tracked(bus.StatusPending)}, block: true}
	got := tracker(t, f, "", "wait", "txn_1", "--timeout", "10ms")
	if got.code != exitUnavailable || !strings.Contains(got.stderr, "timed out after 10ms") {
		t.Errorf("got %+v", got)
	}
	f = &fakeFleet{lookup: bus.LookupReply{Status: bus.LookupNotFound}, err: map[string]error{"lookup": bus.ErrNotFound}}
	if got := tracker(t, f, "", "wait", "txn_1"); got.code != exitNotFound {
		t.Errorf("got %+v", got)
	}
}

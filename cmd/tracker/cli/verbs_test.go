package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"trackerfleet/bus"
)

func TestLookup_printsTheWireObject(t *testing.T) {
	f := &fakeFleet{lookup: bus.LookupReply{Status: bus.LookupFound, Tracker: tracked(bus.StatusConfirming), Stale: true}}
	got := tracker(t, f, "", "lookup", "txn_1", "-o", "json")
	var reply bus.LookupReply
	if err := json.Unmarshal([]byte(got.out), &reply); err != nil || got.code != 0 || got.stderr != "" {
		t.Fatalf("%v %+v", err, got)
	}
	if !reflect.DeepEqual(reply.Tracker.Progress, &bus.Progress{Have: 3, Need: 12}) || !reply.Stale || reply.Status != bus.LookupFound {
		t.Errorf("got %+v", reply)
	}
	table := tracker(t, f, "", "lookup", "txn_1")
	for _, want := range []string{"txn_1", "confirming 3/12", "<1234.2>", "stale", "team=wallet"} {
		if !strings.Contains(table.out, want) {
			t.Errorf("no %q in\n%s", want, table.out)
		}
	}
	f.lookup.Tracker.Progress.Need = 0
	if table := tracker(t, f, "", "lookup", "txn_1"); !strings.Contains(table.out, "confirming 3\n") {
		t.Errorf("final by a head of another kind, it prints\n%s", table.out)
	}
	if none := tracker(t, f, "", "lookup", "txn_1", "-o", "none"); none.out != "" || none.code != 0 {
		t.Errorf("-o none: %+v", none)
	}
}

func TestExitCodes_areThePromise(t *testing.T) {
	for _, tc := range []struct {
		err  error
		want int
	}{
		{nil, 0},
		{&bus.Error{Code: bus.CodeInvalid, Message: "params.hash: is missing"}, 2},
		{fmt.Errorf("%w: %q", bus.ErrNotFound, "txn_1"), 3},
		{bus.ErrUnavailable, 4},
		{bus.ErrTimeout, 4},
		{context.DeadlineExceeded, 4},
		{&bus.Error{Code: bus.CodeOverloaded}, 4},
		{&bus.Error{Code: bus.CodeConflict}, 1},
		{bus.ErrCrashed, 1},
		{errors.New("anything"), 1},
	} {
		f := &fakeFleet{err: map[string]error{"call": tc.err}, call: bus.CallReply{Status: bus.CallOK, Tracker: tracked(bus.StatusPending)}}
		if got := tracker(t, f, "", "call", "txn_1", "ping"); got.code != tc.want {
			t.Errorf("%v: exit %d, want %d", tc.err, got.code, tc.want)
		}
	}
}

func TestLookup_thatFindsNothingSaysSoInTheAnswer(t *testing.T) {
	f := &fakeFleet{lookup: bus.LookupReply{Status: bus.LookupNotFound}, err: map[string]error{"lookup": bus.ErrNotFound}}
	got := tracker(t, f, "", "lookup", "txn_1", "-o", "jsonl")
	if got.code != exitNotFound || strings.TrimSpace(got.out) != `{"status":"not_found","stale":false}` || got.stderr != "" {
		t.Errorf("got %+v", got)
	}
}

func TestErrors_areWireObjectsForPrograms(t *testing.T) {
	fault := bus.Invalid(bus.Fault{Field: "params.hash", Message: "is missing"}, bus.Fault{Field: "labels", Message: "too many"})
	f := &fakeFleet{err: map[string]error{"stop": fault}}
	got := tracker(t, f, "", "stop", "txn_1", "-o", "json")
	var body bus.ErrorBody
	if err := json.Unmarshal([]byte(got.out), &body); err != nil || body.Status != bus.StatusError || len(body.Error.Details) != 2 {
		t.Errorf("%v %+v", err, got)
	}
	if !strings.Contains(got.stderr, "labels: too many") {
		t.Errorf("stderr names not every fault: %s", got.stderr)
	}
}

func TestUsage_isToldWithoutAskingAnybody(t *testing.T) {
	for _, args := range [][]string{
		{"lookup"},
		{"lookup", ""},
		{"lookup", "a\nb"},
		{"lookup", "a", "b"},
		{"nosuchverb"},
		{"lookup", "x", "--nosuchflag"},
		{"lookup", "x", "-o", "xml"},
		{"lookup", "x", "--timeout", "soon"},
		{"list", "colour:red"},
		{"list", "--limit", "0"},
		{"wait", "x", "--for", "godot"},
		{"events", "type:nothing"},
		{"start"},
		{"start", "a", "-f", "b"},
		{"start", "a", "--params", "{"},
		{"start", "a", "--rate", "5"},
		{"start", "-f", "/none/such"},
		{"config"},
		{"config", "prnt"},
		{"config", "print", "--for", "cat"},
		{"lookup", "x", "--server", "h:4222"},
		{"lookup", "x", "--creds", "/none/such"},
	} {
		f := &fakeFleet{}
		got := tracker(t, f, "", args...)
		if got.code != exitUsage || got.out != "" || !strings.HasPrefix(got.stderr, "tracker: ") || len(f.asked) > 0 {
			t.Errorf("%q: %+v, asked %v", args, got, f.asked)
		}
	}
}

func TestStop_sendsReasonAndPerson(t *testing.T) {
	f := &fakeFleet{stop: bus.StopReply{Status: bus.StopRestarted, Tracker: tracked(bus.StatusPending)}}
	got := tracker(t, f, "", "stop", "txn_1", "--reason", "its_a_crash")
	want := bus.StopRequest{TransactionID: mustID("txn_1"), Reason: "its_a_crash", By: whoami()}
	if got.code != 0 || !strings.Contains(got.out, "restarted") || !reflect.DeepEqual(f.asked, []any{want}) {
		t.Errorf("got %+v, asked %+v", got, f.asked)
	}
}

func TestRetryAndFleet_answer(t *testing.T) {
	f := &fakeFleet{
		retry: bus.RetryReply{Status: bus.RetryResumed, Tracker: tracked(bus.StatusPending)},
		fleet: bus.FleetReply{
			Fleet: "default", AnsweredBy: "w-1", StartBacklog: 7,
			Workers: []bus.FleetWorker{{Worker: "w-1", Alive: true, Trackers: 5, Partitions: 1}, {Worker: "w-2", Draining: true}},
			Partitions: []bus.FleetPartition{
				{State: bus.PartitionOwned, Worker: "w-1"},
				{Partition: 1, State: bus.PartitionUnowned},
				{Partition: 2, State: bus.PartitionOwned, Worker: "w-2"},
				{Partition: 3, State: bus.PartitionOwned, Worker: "w-3"},
			},
		},
	}
	if got := tracker(t, f, "", "retry", "txn_1"); got.code != 0 || !strings.Contains(got.out, "resumed") {
		t.Errorf("retry: %+v", got)
	}
	got := tracker(t, f, "", "fleet")
	for _, want := range []string{"alive", "silent", "start backlog 7", "without an owner that lives: 3 of 4"} {
		if !strings.Contains(got.out, want) {
			t.Errorf("no %q in\n%s", want, got.out)
		}
	}
	var reply bus.FleetReply
	if err := json.Unmarshal([]byte(tracker(t, f, "", "fleet", "-o", "json").out), &reply); err != nil || len(reply.Workers) != 2 {
		t.Errorf("%v %+v", err, reply)
	}
}

func TestList_readsPages(t *testing.T) {
	pages := func() []bus.ListReply {
		return []bus.ListReply{
			{Trackers: []bus.Tracker{*tracked(bus.StatusPending)}, Cursor: "next", Counts: bus.Counts{Total: 2}},
			{Trackers: []bus.Tracker{*tracked(bus.StatusConfirmed)}, Counts: bus.Counts{Total: 2}},
		}
	}
	f := &fakeFleet{pages: pages()}
	if got := tracker(t, f, "", "list", "status:pending"); got.code != 0 || !strings.Contains(got.out, "--cursor next") {
		t.Errorf("one page: %+v", got)
	}
	f = &fakeFleet{pages: pages()}
	got := tracker(t, f, "", "list", "--all", "-o", "jsonl", "source:sim", "age:>1s")
	if lines := strings.Split(strings.TrimSpace(got.out), "\n"); got.code != 0 || len(lines) != 2 {
		t.Errorf("all: %+v", got)
	}
	second := f.asked[1].(bus.ListRequest)
	if second.Cursor != "next" || second.Filter != "source:sim age:>1s" {
		t.Errorf("asked %+v", second)
	}
	f = &fakeFleet{pages: []bus.ListReply{{Incomplete: true}}}
	if got := tracker(t, f, "", "list", "-o", "json"); got.code != exitUnavailable || !strings.Contains(got.stderr, "incomplete") {
		t.Errorf("incomplete: %+v", got)
	}
}

func TestEvents_areChosenAndCanBeGoneOnWith(t *testing.T) {
	f := &fakeFleet{events: []*bus.Event{event("started", 1, 1), event("confirmed", 1, 2)}}
	got := tracker(t, f, "", "events", "txn_1", "type:confirmed,failed", "--from", "7", "-o", "json")
	var events []bus.Event
	if err := json.Unmarshal([]byte(got.out), &events); err != nil || len(events) != 1 || events[0].Type != "confirmed" {
		t.Errorf("%v %+v", err, got)
	}
	want := bus.EventsRequest{TransactionID: mustID("txn_1"), From: 7, Stored: true}
	if !reflect.DeepEqual(f.asked, []any{want}) {
		t.Errorf("asked %+v", f.asked)
	}
}

func TestEvents_thatCannotBeReadEndAfterTheTimeout(t *testing.T) {
	f := &fakeFleet{events: []*bus.Event{event("started", 1, 1)}, block: true}
	got := tracker(t, f, "", "events", "--timeout", "20ms", "-o", "json")
	var events []bus.Event
	if err := json.Unmarshal([]byte(got.out), &events); err != nil || len(events) != 1 || got.code != exitUnavailable {
		t.Errorf("%v %+v", err, got)
	}
}

func TestEvents_followedUntilInterruptedIsNoError(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errInterrupted)
	f := &fakeFleet{events: []*bus.Event{event("started", 1, 1)}, block: true}
	got := trackerIn(ctx, f, nil, "", "events", "-f", "-o", "json")
	var events []bus.Event
	if err := json.Unmarshal([]byte(got.out), &events); err != nil || got.code != 0 || len(events) != 1 {
		t.Errorf("%v %+v", err, got)
	}
}

func TestConfigPrint_saysWhereEachSettingCameFrom(t *testing.T) {
	got := trackerIn(t.Context(), nil, []string{"TRACKER_LEASE=4s"}, "", "config", "print", "--origin", "--for", "dev")
	if got.code != 0 || !strings.Contains(got.out, "lease: 4s # env TRACKER_LEASE") || !strings.Contains(got.out, "kind: simulated") {
		t.Errorf("got %+v", got)
	}
	asJSON := trackerIn(t.Context(), nil, nil, "", "config", "print", "-o", "json", "--server", "nats://u:hunter2@h:1")
	var entries []struct{ Key, Origin string }
	if err := json.Unmarshal([]byte(asJSON.out), &entries); err != nil || entries[0].Origin != "flag --server" {
		t.Errorf("%v %s", err, asJSON.out)
	}
	if strings.Contains(asJSON.out, "hunter2") {
		t.Errorf("password in %s", asJSON.out)
	}
	bad := trackerIn(t.Context(), nil, []string{"TRACKER_LEASE=1", "TRACKER_POTR=1"}, "", "config", "validate")
	if bad.code != exitUsage || !strings.Contains(bad.stderr, "lease:") || !strings.Contains(bad.stderr, "nearest is TRACKER_PORT") {
		t.Errorf("got %+v", bad)
	}
}

func TestVersion_isShown(t *testing.T) {
	got := tracker(t, nil, "", "version", "-o", "json")
	var b build
	if err := json.Unmarshal([]byte(got.out), &b); err != nil || b.Version != release || b.Go == "" {
		t.Errorf("%v %+v", err, got)
	}
}

func TestCompletion_writesAScript(t *testing.T) {
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		if got := tracker(t, nil, "", "completion", shell); got.code != 0 || !strings.Contains(got.out, "tracker") {
			t.Errorf("%s: exit %d", shell, got.code)
		}
	}
}

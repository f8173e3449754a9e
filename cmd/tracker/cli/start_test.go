package cli

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"trackerfleet/bus"
)

func TestStart_sendsWhatTheFlagsSay(t *testing.T) {
	f := &fakeFleet{spawn: bus.SpawnReply{Status: bus.SpawnCreated, Tracker: tracked(bus.StatusUnseen)}}
	got := tracker(t, f, "", "start", "txn_1", "--source", "mainnet", "--params", `{"hash":"0x1"}`, "--timeout", "24h", "--restart",
		"permanent", "--label", "team=wallet", "--label", "env=test", "--meta", `{"a":1}`, "--on-existing", "restart", "-o", "jsonl")
	want := bus.StartRequest{
		TransactionID: mustID("txn_1"), Source: "mainnet", Params: json.RawMessage(`{"hash":"0x1"}`), Restart: "permanent",
		Timeout: bus.Duration(24 * time.Hour), Labels: map[string]string{"team": "wallet", "env": "test"},
		Meta: json.RawMessage(`{"a":1}`), OnExisting: bus.ExistingRestart,
	}
	if got.code != 0 || !reflect.DeepEqual(f.asked, []any{want}) || !strings.HasPrefix(got.out, `{"status":"created","tracker":{`) {
		t.Errorf("got %+v\nasked %+v", got, f.asked)
	}
}

func TestStart_withoutAWorkerIsAcceptedAndSaysSo(t *testing.T) {
	f := &fakeFleet{err: map[string]error{"spawn": bus.ErrUnavailable}, ack: bus.StartAck{Stream: "TRACKER_STARTS", Sequence: 3}}
	got := tracker(t, f, "", "start", "txn_1", "-o", "jsonl")
	if got.code != 0 || strings.TrimSpace(got.out) != `{"status":"accepted","stream":"TRACKER_STARTS","seq":3}` {
		t.Errorf("got %+v", got)
	}
	if !strings.Contains(got.stderr, "no worker is ready") {
		t.Errorf("stderr: %s", got.stderr)
	}
	f = &fakeFleet{err: map[string]error{"spawn": bus.ErrUnavailable, "start": bus.ErrUnavailable}}
	if got := tracker(t, f, "", "start", "txn_1"); got.code != exitUnavailable || got.out != "" {
		t.Errorf("without a stream: %+v", got)
	}
	f = &fakeFleet{err: map[string]error{"spawn": bus.ErrTimeout}}
	if got := tracker(t, f, "", "start", "txn_1"); got.code != exitUnavailable || len(f.asked) != 1 {
		t.Errorf("a start of unknown outcome was repeated: %+v, asked %v", got, f.asked)
	}
}

func TestStart_waitsForTheEnd(t *testing.T) {
	f := &fakeFleet{
		spawn:  bus.SpawnReply{Status: bus.SpawnCreated, Tracker: tracked(bus.StatusUnseen)},
		lookup: bus.LookupReply{Status: bus.LookupFound, Tracker: tracked(bus.StatusFailed)},
		events: []*bus.Event{event("started", 2, 1), event("failed", 2, 2)},
	}
	if got := tracker(t, f, "", "start", "txn_1", "--wait"); got.code != exitFailed || !strings.Contains(got.out, "failed") {
		t.Errorf("got %+v", got)
	}
}

// ok starts everything but what is called bad.
func ok(r bus.StartRequest) bus.SpawnReply {
	switch r.TransactionID.String() {
	case "bad":
		return bus.SpawnReply{Status: bus.StatusError, Error: bus.Invalid(bus.Fault{Field: "source", Message: "is not there"})}
	case "twice":
		return bus.SpawnReply{Status: bus.SpawnExisting, Tracker: tracked(bus.StatusPending)}
	}
	return bus.SpawnReply{Status: bus.SpawnCreated, Tracker: tracked(bus.StatusUnseen)}
}

func TestStartFile_countsAndKeepsFailures(t *testing.T) {
	failures := filepath.Join(t.TempDir(), "failed.jsonl")
	f := &fakeFleet{spawnOf: ok}
	input := `{"transaction_id":"a","timeout":"1h"}

{"transaction_id":"bad"}
{"transaction_id":7}
not json
{"transaction_id":"twice","labels":{"x":"1"}}
`
	got := tracker(t, f, input, "start", "-f", "-", "--failures", failures, "--timeout", "2h", "--label", "y=2", "-o", "json")
	var sum startSummary
	if err := json.Unmarshal([]byte(got.out), &sum); err != nil || got.code != exitError {
		t.Fatalf("%v %+v", err, got)
	}
	if want := (startSummary{Created: 1, Existing: 1, Failed: 3, Failures: failures}); sum != want {
		t.Errorf("got %+v, want %+v", sum, want)
	}
	starts := f.asked[0].([]bus.StartRequest)
	if time.Duration(starts[0].Timeout) != time.Hour || time.Duration(starts[1].Timeout) != 2*time.Hour ||
		!reflect.DeepEqual(starts[2].Labels, map[string]string{"x": "1", "y": "2"}) {
		t.Errorf("started %+v", starts)
	}
	kept, err := os.ReadFile(failures)
	if err != nil || strings.Count(string(kept), "\n") != 3 || !strings.Contains(string(kept), `"line":3`) {
		t.Fatalf("%v %s", err, kept)
	}
	again := &fakeFleet{spawnOf: ok}
	tracker(t, again, "", "start", "-f", failures)
	if starts := again.asked[0].([]bus.StartRequest); len(starts) != 1 || starts[0].TransactionID != mustID("bad") {
		t.Errorf("the failures gave %+v", starts)
	}
}

func TestStartFile_readsCSV(t *testing.T) {
	f := &fakeFleet{spawnOf: ok}
	input := "transaction_id,source,params.hash,label.team,timeout,meta\n\"a,b\",main,0x1,wallet,1h,\"{\"\"k\"\":1}\"\nc,,,,,\n" +
		"d,,,,,{\ne\nf\xff,,,,,\n"
	got := tracker(t, f, input, "start", "-f", "-", "-o", "json")
	starts := f.asked[0].([]bus.StartRequest)
	want := bus.StartRequest{
		TransactionID: mustID("a,b"), Source: "main", Params: json.RawMessage(`{"hash":"0x1"}`), Timeout: bus.Duration(time.Hour),
		Labels: map[string]string{"team": "wallet"}, Meta: json.RawMessage(`{"k":1}`),
	}
	if len(starts) != 2 || !reflect.DeepEqual(starts[0], want) {
		t.Errorf("started %+v", starts)
	}
	var sum startSummary
	if json.Unmarshal([]byte(got.out), &sum); sum.Failed != 3 || sum.Created != 2 {
		t.Errorf("%+v %s", sum, got.stderr)
	}
	f = &fakeFleet{spawnOf: ok}
	tracker(t, f, "one\ntwo\n\nthree", "start", "-f", "-")
	if starts := f.asked[0].([]bus.StartRequest); len(starts) != 3 || starts[2].TransactionID != mustID("three") {
		t.Errorf("started %+v", starts)
	}
	if got := tracker(t, &fakeFleet{}, "transaction_id,colour\n", "start", "-f", "-"); got.code != exitUsage {
		t.Errorf("unknown column: %+v", got)
	}
}

func TestStartFile_endsEarlyWhenNobodyAnswers(t *testing.T) {
	asked := 0
	f := &fakeFleet{spawnOf: func(bus.StartRequest) bus.SpawnReply {
		asked++
		return bus.SpawnReply{Status: bus.StatusError, Error: bus.Errorf(bus.CodeUnavailable, "nobody")}
	}}
	got := tracker(t, f, strings.Repeat("x\n", 3*startBatch), "start", "-f", "-")
	if got.code != exitUnavailable || asked != startBatch || !strings.Contains(got.stderr, "can be started again") {
		t.Errorf("asked %d times: %+v", asked, got)
	}
}

func TestStartFile_stopsWhenInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	f := &fakeFleet{spawnOf: func(r bus.StartRequest) bus.SpawnReply {
		cancel(errInterrupted)
		return ok(r)
	}}
	got := trackerIn(ctx, f, nil, strings.Repeat("x\n", 10), "start", "-f", "-", "--rate", "1")
	if got.code != exitError || !strings.Contains(got.stderr, "interrupted") || len(f.asked) != 1 {
		t.Errorf("got %+v, asked %d", got, len(f.asked))
	}
}

func FuzzReadStarts(f *testing.F) {
	f.Add([]byte("transaction_id,params\na,{}\n"))
	f.Add([]byte("{\"transaction_id\":\"x\"}\n{\"start\":[1]}\n"))
	f.Fuzz(func(t *testing.T, input []byte) {
		_ = readStarts(strings.NewReader(string(input)), func(r row) error {
			if (r.Err == nil) == r.Start.TransactionID.IsZero() {
				t.Errorf("line %d: ID %q with err %v", r.Line, r.Start.TransactionID, r.Err)
			}
			if !json.Valid(r.Raw) {
				t.Errorf("line %d: %q is not JSON", r.Line, r.Raw)
			}
			return nil
		})
	})
}

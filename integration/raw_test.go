package integration

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"trackerfleet/integration/checker"
	"trackerfleet/integration/process"
)

// TestContractAsBytes holds a running fleet against the wire contract, field by field, from outside.
func TestContractAsBytes(t *testing.T) {
	t.Parallel()
	f := newFleet(t, "w-1")
	for _, c := range []struct {
		name string
		test func(*testing.T, *fleet)
	}{
		{"a start in the body leads to its events", startInTheBody},
		{"a start in the subject needs no body", startInTheSubject},
		{"spawn answers with the whole tracker object", spawnAnswers},
		{"spawn takes many and answers each", spawnMany},
		{"a bare ID is a request", bareIDs},
		{"what is not there is not found", notFound},
		{"the same start is one tracker, another is a conflict", conflicts},
		{"errors have headers and a body", errorForm},
		{"list filters, counts and pages", listPages},
		{"fleet shows workers and partitions", fleetShows},
		{"trace context goes onto every event", traceContext},
		{"events are CloudEvents on subjects that can be filtered", eventForm},
		{"a timeout ends in expired", timeoutExpires},
		{"crashes beyond the intensity park, retry resumes", parkAndRetry},
		{"the service is discovered as tracker", discovered},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, f) })
	}
}

func startInTheBody(t *testing.T, f *fleet) {
	const id = "raw_body"
	body := `{"transaction_id":"raw_body","source":"sim","params":` + soon + `,"labels":{"team":"wallet"},"meta":{"order":7}}`
	if err := f.publish(t.Context(), "tracker.start", body); err != nil {
		t.Fatal(err)
	}
	events := f.eventsUntil(t, id, "confirmed")
	for _, e := range events {
		var b struct{ Meta json.RawMessage }
		if err := json.Unmarshal(e.Body, &b); err != nil || string(b.Meta) != `{"order":7}` {
			t.Errorf("meta is not echoed in %s", e)
		}
	}
	if list := types(events); !strings.HasPrefix(list, "started") || !strings.Contains(list, "included") {
		t.Errorf("the events are %s", list)
	}
	r := f.want(t, "found", "lookup", id)
	if o := r.Tracker; o.Phase != "finished" || o.Status != "confirmed" || o.Labels["team"] != "wallet" || len(o.Result) < 3 ||
		o.Events != uint64(len(events)) {
		t.Errorf("after the end: %s", r.body)
	}
}

func startInTheSubject(t *testing.T, f *fleet) {
	for _, id := range []string{"raw_subject", "raw.subject/é *>"} {
		if err := f.publish(t.Context(), "tracker.start."+tokenOf(id), ""); err != nil {
			t.Fatal(err)
		}
		if e := f.last(t, id, "confirmed"); e.ID != id {
			t.Errorf("the event is of %q", e.ID)
		}
	}
}

func spawnAnswers(t *testing.T, f *fleet) {
	r := f.want(t, "created", "spawn", `{"transaction_id":"raw_spawn","params":`+forever+`,"timeout":"1h"}`)
	var whole struct{ Tracker map[string]json.RawMessage }
	if err := json.Unmarshal(r.body, &whole); err != nil {
		t.Fatal(err)
	}
	for _, field := range []string{
		"transaction_id", "source", "run", "phase", "status", "worker", "partition", "epoch", "incarnation", "restarts",
		"started_at", "updated_at", "deadline", "result", "labels", "events",
	} {
		if _, ok := whole.Tracker[field]; !ok {
			t.Errorf("no %s in %s", field, r.body)
		}
	}
	if r.Tracker.Worker != "w-1" || r.Tracker.Run != 1 || r.Tracker.Epoch == 0 || string(whole.Tracker["result"]) != "null" {
		t.Errorf("created is %s", r.body)
	}
	for _, field := range []string{"started_at", "updated_at", "deadline"} {
		var at time.Time
		if err := json.Unmarshal(whole.Tracker[field], &at); err != nil || at.IsZero() {
			t.Errorf("%s is %s: %v", field, whole.Tracker[field], err)
		}
	}
}

func spawnMany(t *testing.T, f *fleet) {
	r := f.ask(t, "spawn", `{"items":[{"transaction_id":"many_1"},{"transaction_id":"many_2","timeout":"soon"},{"transaction_id":"many_3"},{"transaction_id":"many_1"}]}`)
	if len(r.Items) != 4 {
		t.Fatalf("4 items are answered with %s", r.body)
	}
	got := []string{r.Items[0].Status, r.Items[1].Status, r.Items[2].Status, r.Items[3].Status}
	if got[1] != "error" || r.Items[1].Error.Code != "invalid" || got[2] != "created" {
		t.Errorf("answered %s", r.body)
	}
	if both := []string{got[0], got[3]}; !slices.Contains(both, "created") || !slices.Contains(both, "existing") {
		t.Errorf("the same ID twice is answered %v", both)
	}
}

func bareIDs(t *testing.T, f *fleet) {
	f.want(t, "created", "spawn", "raw_bare")
	f.want(t, "found", "lookup", "raw_bare")
	f.want(t, "found", "lookup", "raw_bare\n")
}

func notFound(t *testing.T, f *fleet) {
	if r := f.want(t, "not_found", "lookup", "raw_never_started"); r.code() != 0 {
		t.Errorf("not_found is an answer, not an error: %v", r.header)
	}
	for _, verb := range []string{"call", "stop", "retry"} {
		if r := f.ask(t, verb, "raw_never_started"); r.code() != 404 || r.Error.Code != "not_found" {
			t.Errorf("%s is answered with %s", verb, r.body)
		}
	}
}

func conflicts(t *testing.T, f *fleet) {
	const first = `{"transaction_id":"raw_same","params":{"outcome":"pending"}`
	created := f.want(t, "created", "spawn", first+`}`)
	if r := f.want(t, "existing", "spawn", first+`}`); r.Tracker.pid() != created.Tracker.pid() {
		t.Errorf("existing is %s", r.body)
	}
	if r := f.ask(t, "spawn", first+`,"on_existing":"reject"}`); r.code() != 409 || r.Error.Code != "exists" {
		t.Errorf("on_existing reject is answered with %s", r.body)
	}
	r := f.ask(t, "spawn", `{"transaction_id":"raw_same","params":{"outcome":"revert"}}`)
	if r.code() != 409 || r.Error.Code != "conflict" || !strings.Contains(string(r.body), "params") {
		t.Errorf("other params are answered with %s", r.body)
	}
	for range 3 {
		if err := f.publish(t.Context(), "tracker.start", first+`}`); err != nil {
			t.Fatal(err)
		}
	}
	f.want(t, "stopped", "stop", "raw_same")
	if events := types(f.eventsUntil(t, "raw_same", "stopped")); strings.Count(events, "started") != 1 {
		t.Errorf("after five starts of one transaction: %s", events)
	}
	if r := f.want(t, "finished", "spawn", first+`}`); r.Tracker.Status != "stopped" {
		t.Errorf("finished is %s", r.body)
	}
}

func errorForm(t *testing.T, f *fleet) {
	r := f.ask(t, "spawn", `{"transaction_id":"raw_error","restart":"often","timeout":5,"colour":"red"}`)
	if r.code() != 400 || r.header.Get("Nats-Service-Error") == "" || r.Status != "error" || r.Error.Code != "invalid" || r.Error.Message == "" {
		t.Errorf("header %v, body %s", r.header, r.body)
	}
	for _, field := range []string{"restart", "timeout", "colour"} {
		if !strings.Contains(r.Error.fields(), field) {
			t.Errorf("%s is not among the faults: %s", field, r.body)
		}
	}
	if r := f.want(t, "not_found", "lookup", "raw_error"); r.Tracker.ID != "" {
		t.Errorf("a refused start left %s", r.body)
	}
}

func listPages(t *testing.T, f *fleet) {
	want := make(map[string]bool)
	for i := range 25 {
		id := fmt.Sprintf("page_%d", i)
		want[id] = true
		f.want(t, "created", "spawn", fmt.Sprintf(`{"transaction_id":%q,"params":%s,"labels":{"test":"pages"}}`, id, forever))
	}
	got := make(map[string]bool)
	pages := 0
	for cursor := ""; ; pages++ {
		r := f.ask(t, "list", fmt.Sprintf(`{"filter":"label.test:pages","limit":10,"cursor":%s}`, quote(cursor)))
		if len(r.Trackers) > 10 {
			t.Fatalf("a page of 10 has %d", len(r.Trackers))
		}
		for _, o := range r.Trackers {
			if got[o.ID] {
				t.Errorf("%s is listed twice", o.ID)
			}
			got[o.ID] = true
		}
		if cursor = r.Cursor; cursor == "" {
			break
		}
	}
	if !maps.Equal(got, want) || pages < 2 {
		t.Errorf("%d pages list %d of %d", pages+1, len(got), len(want))
	}
}

func fleetShows(t *testing.T, f *fleet) {
	b, err := f.look()
	if err != nil {
		t.Fatal(err)
	}
	if len(b.Workers) != 1 || b.Workers[0].Worker != "w-1" || !b.Workers[0].Alive || len(b.Partitions) != 256 {
		t.Fatalf("the fleet is %+v", b.Workers)
	}
	for i, p := range b.Partitions {
		if p.Partition != i || p.Worker != "w-1" || p.State != "owned" || p.Epoch == 0 {
			t.Errorf("partition %d is %+v", i, p)
		}
	}
}

func traceContext(t *testing.T, f *fleet) {
	const parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	_, err := f.js.PublishMsg(t.Context(), &nats.Msg{
		Subject: "tracker.start", Data: []byte(`{"transaction_id":"raw_trace","params":` + soon + `}`),
		Header: nats.Header{"Traceparent": {parent}, "TRACESTATE": {"a=1"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	f.eventsUntil(t, "raw_trace", "confirmed")
	s, err := f.js.Stream(t.Context(), "TRACKER")
	if err != nil {
		t.Fatal(err)
	}
	for _, subject := range []string{"tracker.events.raw_trace.started.1", "tracker.events.raw_trace.confirmed.*"} {
		msg, err := s.GetLastMsgForSubject(t.Context(), subject)
		if err != nil {
			t.Fatal(err)
		}
		if msg.Header.Get("traceparent") != parent || msg.Header.Get("tracestate") != "a=1" {
			t.Errorf("%s has %v", subject, msg.Header)
		}
	}
}

func eventForm(t *testing.T, f *fleet) {
	live, err := f.nc.SubscribeSync("tracker.events.*.confirmed.*")
	if err != nil {
		t.Fatal(err)
	}
	if err := f.nc.Flush(); err != nil {
		t.Fatal(err)
	}
	const id = "raw event"
	if err := f.publish(t.Context(), "tracker.start", `{"transaction_id":"raw event","params":`+soon+`}`); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for {
		msg, err := live.NextMsgWithContext(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if e := checker.ParseEvent(0, msg.Subject, msg.Header, msg.Data); e.ID != id {
			continue
		} else if len(e.Faults) > 0 || !e.Terminal() {
			t.Errorf("the event is %s: %q", e, e.Faults)
		}
		h := msg.Header
		at, err := time.Parse(time.RFC3339Nano, h.Get("ce-time"))
		if err != nil || time.Since(at).Abs() > time.Hour {
			t.Errorf("ce-time is %q: %v", h.Get("ce-time"), err)
		}
		if h.Get("ce-source") != "/tracker/default" || h.Get("ce-datacontenttype") != "application/json" || h.Get("ce-sequence") == "" {
			t.Errorf("the headers are %v", h)
		}
		return
	}
}

func timeoutExpires(t *testing.T, f *fleet) {
	f.want(t, "created", "spawn", `{"transaction_id":"raw_expires","params":`+forever+`,"timeout":"300ms"}`)
	e := f.last(t, "raw_expires", "expired")
	if !strings.Contains(string(e.Body), `"last_status"`) {
		t.Errorf("the event is %s", e)
	}
}

func parkAndRetry(t *testing.T, f *fleet) {
	const id = "raw_parked"
	f.spawn(t, id)
	neighbour := f.spawn(t, "raw_neighbour")
	process.Await(t, patience, func() error {
		if r := f.ask(t, "call", `{"transaction_id":"raw_parked","op":"crash"}`); r.code() == 0 {
			t.Fatalf("a crash is answered with %s", r.body)
		}
		if r := f.want(t, "found", "lookup", id); r.Tracker.Phase != "parked" {
			return errors.New(string(r.body))
		}
		return nil
	})
	events := types(f.eventsUntil(t, id, "parked"))
	if strings.Count(events, "restarted") != 3 {
		t.Errorf("3 restarts are allowed, the events are %s", events)
	}
	f.want(t, "resumed", "retry", id)
	if r := f.want(t, "found", "lookup", id); r.Tracker.Phase != "running" {
		t.Errorf("after the retry: %s", r.body)
	}
	f.want(t, "running", "retry", id)
	f.eventsUntil(t, id, "resumed")
	if r := f.want(t, "found", "lookup", "raw_neighbour"); r.Tracker.pid() != neighbour.pid() {
		t.Errorf("the neighbour was %s and is %s", neighbour.pid(), r.Tracker.pid())
	}
}

func discovered(t *testing.T, f *fleet) {
	msg, err := f.nc.Request("$SRV.INFO.tracker", nil, 5*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	var info struct {
		Name      string
		Version   string
		Endpoints []struct{ Subject string }
	}
	if err := json.Unmarshal(msg.Data, &info); err != nil {
		t.Fatal(err)
	}
	var subjects []string
	for _, e := range info.Endpoints {
		subjects = append(subjects, e.Subject)
	}
	for _, verb := range []string{"spawn", "lookup", "call", "stop", "retry", "list", "fleet"} {
		if !slices.Contains(subjects, "tracker."+verb) {
			t.Errorf("%s is not among the endpoints %v", verb, subjects)
		}
	}
}

// TestStreamsAreAsPromised holds what others rely on of the streams: their names, that starts are synced and refused when full, and
// that nobody can purge the events.
func TestStreamsAreAsPromised(t *testing.T) {
	f := newFleet(t, "w-1")
	for name, subject := range map[string]string{
		"TRACKER": "tracker.events.a.started.1", "TRACKER_STARTS": "tracker.start.a", "TRACKER_REJECTED": "tracker.rejected.invalid",
	} {
		got, err := f.js.StreamNameBySubject(t.Context(), subject)
		if err != nil || got != name {
			t.Errorf("%s is in stream %q: %v", subject, got, err)
		}
	}
	s, err := f.js.Stream(t.Context(), "TRACKER")
	if err != nil {
		t.Fatal(err)
	}
	if c := s.CachedInfo().Config; c.Metadata["partitions"] != "256" || c.Metadata["hash"] != "fnv1a32" || c.Storage != jetstream.FileStorage {
		t.Errorf("the stream is %+v", c)
	}
	if err := s.Purge(t.Context()); err == nil {
		t.Error("anybody can purge the events")
	}
}

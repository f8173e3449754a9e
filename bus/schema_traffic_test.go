package bus_test

import (
	"encoding/json"
	"testing"
	"time"

	"trackerfleet/bus"
)

// decoders accept or refuse the bodies of the verbs.
var decoders = map[string]func([]byte) error{
	"start":          func(b []byte) error { _, err := bus.DecodeStart(bus.SubjectStart, b); return err },
	"start_by_token": func(b []byte) error { _, err := bus.DecodeStart("tracker.start.t", b); return err },
	"spawn": func(b []byte) error {
		r, err := bus.DecodeSpawn(b)
		for _, item := range r.Items {
			if err == nil && item.Err != nil {
				return item.Err
			}
		}
		return err
	},
	"lookup": func(b []byte) error { _, err := bus.DecodeLookup(b); return err },
	"call":   func(b []byte) error { _, err := bus.DecodeCall(b); return err },
	"stop":   func(b []byte) error { _, err := bus.DecodeStop(b); return err },
	"retry":  func(b []byte) error { _, err := bus.DecodeRetry(b); return err },
	"list":   func(b []byte) error { _, err := bus.DecodeList(b); return err },
	"fleet":  func(b []byte) error { _, err := bus.DecodeFleet(b); return err },
	"drain":  func(b []byte) error { _, err := bus.DecodeDrain(b); return err },
}

// bodies are sent to every verb: each is good for some and bad for the others.
var bodies = []string{
	`{}`, `{"transaction_id":"t"}`, `{"transaction_id":""}`, `{"transaction_id":null}`, `{"transaction_id":1}`, `{"transaction_id":"a\u0001"}`,
	`{"transaction_id":"t","source":"sim","params":{"a":[1]},"restart":"temporary","timeout":"1h2.5m","labels":{"a.b/c":"d"},"meta":{},"on_existing":"return"}`,
	`{"transaction_id":"t","source":null,"params":null,"restart":null,"timeout":null,"labels":null,"meta":null,"on_existing":null}`,
	`{"transaction_id":"t","source":"a b"}`, `{"transaction_id":"t","params":[]}`, `{"transaction_id":"t","restart":"often"}`,
	`{"transaction_id":"t","timeout":"soon"}`, `{"transaction_id":"t","timeout":1}`, `{"transaction_id":"t","labels":{"a b":"c"}}`,
	`{"transaction_id":"t","labels":{"a":1}}`, `{"transaction_id":"t","meta":"text"}`, `{"transaction_id":"t","on_existing":"explode"}`,
	`{"items":[{"transaction_id":"t"},{"transaction_id":"u"}]}`, `{"items":[]}`, `{"items":[{}]}`, `{"items":{}}`,
	`{"transaction_id":"t","op":"ping"}`, `{"transaction_id":"t","op":"crash"}`, `{"transaction_id":"t","op":"dance"}`, `{"transaction_id":"t","op":null}`,
	`{"transaction_id":"t","reason":"its_a_crash","by":"me"}`, `{"transaction_id":"t","reason":"a\nb"}`, `{"transaction_id":"t","by":"me"}`,
	`{"filter":"status:pending","limit":1000,"cursor":"c"}`, `{"limit":0}`, `{"limit":1001}`, `{"limit":"1"}`, `{"limit":null}`,
	`{"worker":"w-1"}`, `{"worker":"w.1"}`, `{"worker":null}`, `{"unknown":1}`, `[]`, `"t"`,
}

func TestSchemasAgreeWithTheDecoder(t *testing.T) {
	all, _ := schemas(t)
	for verb, decode := range decoders {
		good, bad := 0, 0
		for _, body := range bodies {
			schemaErr, err := validate(t, all[verb], []byte(body)), decode([]byte(body))
			if (schemaErr == nil) != (err == nil) {
				t.Errorf("%s %s: schema says %v, decoder says %v", verb, body, schemaErr, err)
			}
			if err == nil {
				good++
			} else {
				bad++
			}
		}
		if good == 0 || bad == 0 {
			t.Errorf("%s: %d good bodies, %d bad ones", verb, good, bad)
		}
	}
}

// fullTracker has a value in every field.
func fullTracker(t testing.TB) *bus.Tracker {
	t.Helper()
	tr := tracker(parseID(t, "a.b é"))
	at := eventTime
	tr.Source, tr.Worker, tr.Progress, tr.Labels = "sim", "w-1", &bus.Progress{Have: 1, Need: 2}, map[string]string{"a": "b"}
	tr.StartedAt, tr.UpdatedAt, tr.LastCheckAt, tr.NextCheckAt, tr.Deadline = at, at, &at, &at, &at
	tr.LastCheckEndpoint, tr.WaitingFor, tr.LastError = "https://node", "a block", &bus.LastError{At: at, Message: "boom"}
	tr.Result, tr.Meta = json.RawMessage(`{"a":1}`), json.RawMessage(`{"b":2}`)
	return tr
}

func TestRepliesAreAsTheirSchemas(t *testing.T) {
	all, _ := schemas(t)
	tr, small := fullTracker(t), tracker(parseID(t, "t"))
	small.Source = "sim"
	fault := bus.Invalid(bus.Fault{Field: "a", Message: "b"})
	counts := bus.Counts{Total: 2, ByPhase: map[bus.Phase]uint64{bus.PhaseRunning: 2}, ByStatus: map[bus.Status]uint64{bus.StatusPending: 2}}
	for name, replies := range map[string][]any{
		"tracker": {tr, small}, "error": {fault, bus.Overloaded(time.Second), bus.WireError(bus.ErrTimeout)},
		"error_reply":      {bus.ErrorBody{Status: bus.StatusError, Error: fault}},
		"spawn_reply":      {bus.SpawnReply{Status: bus.SpawnCreated, Tracker: tr}, bus.SpawnReply{Status: bus.SpawnError, Error: fault}},
		"spawn_many_reply": {bus.SpawnManyReply{Items: []bus.SpawnReply{{Status: bus.SpawnFinished, Tracker: tr}, {Status: bus.SpawnError, Error: fault}}}.Trim()},
		"lookup_reply": {
			bus.LookupReply{Status: bus.LookupFound, Tracker: tr, Stale: true},
			bus.LookupReply{Status: bus.LookupNotFound},
			bus.LookupReply{Status: bus.LookupUnavailable, Error: bus.WireError(bus.ErrUnavailable)},
		},
		"call_reply": {
			bus.CallReply{Status: bus.CallOK, Op: bus.OpPing, Tracker: tr},
			bus.CallReply{Status: bus.CallOK, Op: bus.OpRefresh, Answered: new(bool), Tracker: tr},
		},
		"stop_reply": {bus.StopReply{Status: bus.StopRestarted, Tracker: tr}}, "retry_reply": {bus.RetryReply{Status: bus.RetryResumed, Tracker: tr}},
		"list_reply": {bus.ListReply{}, bus.ListReply{Trackers: []bus.Tracker{*tr}, Counts: counts, Cursor: "c"}},
		"fleet_reply": {bus.FleetReply{}, bus.FleetReply{
			Fleet: "f", Workers: []bus.FleetWorker{{Worker: "w-1"}}, Counts: counts,
			Partitions: []bus.FleetPartition{{State: bus.PartitionUnowned}, {Partition: 255, State: bus.PartitionOwned, Worker: "w-1", Epoch: 9}},
		}},
		"drain_reply": {bus.DrainReply{Worker: "w-1", Partitions: 3}}, "counts": {bus.Counts{}, counts},
		"start_ack": {bus.StartAck{Stream: bus.StreamStarts, Sequence: 1}},
		"rejected":  {bus.Rejected{Error: fault, Subject: "s", At: eventTime, Headers: map[string][]string{"a": {"b"}}}},
	} {
		for _, reply := range replies {
			text, err := bus.Encode(reply)
			if err != nil {
				t.Fatal(err)
			}
			if err := validate(t, all[name], text); err != nil {
				t.Errorf("%s: %s: %v", name, text, err)
			}
		}
	}
	for name, text := range map[string]string{
		"tracker": `{}`, "spawn_reply": `{"status":"created"}`, "lookup_reply": `{"status":"found","stale":false}`,
		"error": `{"code":"odd","message":""}`, "stop_reply": `{"status":"stopped"}`,
	} {
		if validate(t, all[name], []byte(text)) == nil {
			t.Errorf("%s: %s passes", name, text)
		}
	}
}

func TestEventsAreAsTheirSchemas(t *testing.T) {
	all, docs := schemas(t)
	id := parseID(t, "a.b é")
	required := map[string]map[string]any{
		"started": {"source": "sim"}, "parked": {"reason": "r", "restarts": 3}, "expired": {"last_status": "pending"},
		"restarted": {"reason": "r", "attempt": 1, "backoff": "100ms", "from_incarnation": 1, "to_incarnation": 2},
		"reorged":   {"from": map[string]any{"number": 1}, "to": nil, "depth": 1}, "missing": {"checks": 3},
		"replacing": {"by": "0x1", "kind": "cancel"}, "replaced": {"by": "unknown", "kind": "other"}, "stopped": {"reason": "normal"},
	}
	types := docs["event.json"].(map[string]any)["properties"].(map[string]any)["type"].(map[string]any)["enum"].([]any)
	if len(types) != 16 {
		t.Errorf("%d types of events", len(types))
	}
	for _, typ := range types {
		typ := typ.(string)
		body, err := bus.EventBody(id, typ, 3, 1, eventTime, json.RawMessage(`{"a":1}`), required[typ])
		if err != nil {
			t.Fatal(err)
		}
		if err := validate(t, all["event"], body); err != nil {
			t.Errorf("%s: %v", body, err)
		}
		bare, err := bus.EventBody(id, typ, 3, 1, eventTime, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := validate(t, all["event"], bare); (err == nil) != (required[typ] == nil) {
			t.Errorf("%s without data: %v", typ, err)
		}
		header := map[string]string{}
		for _, f := range bus.EventHeader("my fleet", id, typ, 3, eventTime, 7, 2, "w-1", bus.Trace{}) {
			header[f.Name] = f.Value
		}
		if err := validate(t, all["event_headers"], marshal(t, header)); err != nil {
			t.Errorf("%s: headers: %v", typ, err)
		}
	}
}

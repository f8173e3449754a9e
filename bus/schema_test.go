package bus_test

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"trackerfleet/bus"
)

// schemas returns every schema file, compiled, by name without .json, and the documents by file name.
func schemas(t testing.TB) (map[string]*jsonschema.Schema, map[string]any) {
	t.Helper()
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	docs := map[string]any{}
	names, err := fs.Glob(bus.Schemas(), "*.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		b, err := fs.ReadFile(bus.Schemas(), name)
		if err != nil {
			t.Fatal(err)
		}
		if docs[name], err = jsonschema.UnmarshalJSON(bytes.NewReader(b)); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if err := compiler.AddResource(name, docs[name]); err != nil {
			t.Fatal(err)
		}
	}
	all := map[string]*jsonschema.Schema{}
	for name := range docs {
		if name == "asyncapi.json" {
			continue
		}
		s, err := compiler.Compile(name)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		all[strings.TrimSuffix(name, ".json")] = s
	}
	return all, docs
}

// validate reports whether the JSON text is as the schema says.
func validate(t testing.TB, s *jsonschema.Schema, text []byte) error {
	t.Helper()
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return s.Validate(v)
}

// goTypes says which Go type each object of the schemas is.
var goTypes = map[string]any{
	"start.json": bus.StartRequest{}, "start_by_token.json": bus.StartRequest{}, "lookup.json": bus.LookupRequest{},
	"call.json": bus.CallRequest{}, "stop.json": bus.StopRequest{}, "retry.json": bus.RetryRequest{},
	"list.json": bus.ListRequest{}, "fleet.json": bus.FleetRequest{}, "drain.json": bus.DrainRequest{},
	"tracker.json": bus.Tracker{}, "tracker.json#/$defs/progress": bus.Progress{}, "tracker.json#/$defs/last_error": bus.LastError{},
	"error.json": bus.Error{}, "error.json#/$defs/fault": bus.Fault{}, "error_reply.json": bus.ErrorBody{},
	"spawn_reply.json": bus.SpawnReply{}, "spawn_many_reply.json": bus.SpawnManyReply{}, "lookup_reply.json": bus.LookupReply{},
	"call_reply.json": bus.CallReply{}, "stop_reply.json": bus.StopReply{}, "retry_reply.json": bus.RetryReply{},
	"list_reply.json": bus.ListReply{}, "counts.json": bus.Counts{}, "fleet_reply.json": bus.FleetReply{},
	"fleet_reply.json#/$defs/worker": bus.FleetWorker{}, "fleet_reply.json#/$defs/partition": bus.FleetPartition{},
	"drain_reply.json": bus.DrainReply{}, "rejected.json": bus.Rejected{}, "start_ack.json": bus.StartAck{},
}

// notObjects are the schema files that no single Go type stands for, with the test that checks them instead.
var notObjects = map[string]string{
	"common.json": "parts of the others", "spawn.json": "TestSchemasAgreeWithTheDecoder",
	"event.json": "TestEventsAreAsTheirSchemas", "event_headers.json": "TestEventsAreAsTheirSchemas",
	"asyncapi.json": "TestAsyncAPINamesEverySubject",
}

// fields returns the JSON fields of v's type and whether each is always written.
func fields(v any) map[string]bool {
	all := map[string]bool{}
	for f := range slices.Values(reflect.VisibleFields(reflect.TypeOf(v))) {
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name != "-" {
			all[name] = !strings.Contains(options, "omit")
		}
	}
	return all
}

func TestSchemasHaveTheFieldsOfTheGoTypes(t *testing.T) {
	_, docs := schemas(t)
	for place, v := range goTypes {
		file, path, _ := strings.Cut(place, "#/")
		object := docs[file]
		for part := range strings.SplitSeq(path, "/") {
			if part != "" {
				object = object.(map[string]any)[part]
			}
		}
		schema, ok := object.(map[string]any)
		if !ok {
			t.Errorf("there is no %s", place)
			continue
		}
		want, got := fields(v), map[string]bool{}
		for name := range schema["properties"].(map[string]any) {
			got[name] = false
		}
		required, _ := schema["required"].([]any)
		for _, name := range required {
			got[name.(string)] = true
		}
		if file == "start_by_token.json" {
			want["transaction_id"] = false // the subject has it
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: fields and whether they are required (-Go +schema):\n%s", place, diff)
		}
	}
	for name := range docs {
		if _, ok := goTypes[name]; !ok && notObjects[name] == "" {
			t.Errorf("%s is checked against nothing", name)
		}
	}
}

func TestSchemasListTheValuesOfTheGoConstants(t *testing.T) {
	all, docs := schemas(t)
	var codes []any
	for _, c := range bus.Codes() {
		codes = append(codes, string(c))
	}
	got := docs["error.json"].(map[string]any)["properties"].(map[string]any)["code"].(map[string]any)["enum"]
	if diff := cmp.Diff(codes, got); diff != "" {
		t.Errorf("codes (-Go +schema):\n%s", diff)
	}
	defs := docs["common.json"].(map[string]any)["$defs"].(map[string]any)
	for kind, key := range map[string]string{"status": "status", "phase": "phase"} {
		for _, value := range defs[kind].(map[string]any)["enum"].([]any) {
			if _, err := bus.ParseFilter(key + ":" + value.(string)); err != nil {
				t.Errorf("%s %v is in the schema only: %v", kind, value, err)
			}
		}
	}
	id := parseID(t, "t")
	for _, v := range []any{
		bus.StatusUnseen, bus.StatusPending, bus.StatusConfirming, bus.StatusMissing, bus.StatusConfirmed,
		bus.StatusFailed, bus.StatusReplaced, bus.StatusDropped, bus.StatusExpired, bus.StatusStopped, bus.PhaseStarting,
		bus.PhaseRunning, bus.PhaseBackoff, bus.PhaseHandoff, bus.PhaseParked, bus.PhaseFinished,
	} {
		tr := tracker(id)
		tr.Source = "sim"
		switch v := v.(type) {
		case bus.Status:
			tr.Status = v
		case bus.Phase:
			tr.Phase = v
		}
		text, err := bus.Encode(tr)
		if err != nil {
			t.Fatal(err)
		}
		if err := validate(t, all["tracker"], text); err != nil {
			t.Errorf("%v: %v", v, err)
		}
	}
}

func TestAsyncAPINamesEverySubject(t *testing.T) {
	_, docs := schemas(t)
	doc := docs["asyncapi.json"].(map[string]any)
	var addresses []string
	for _, c := range doc["channels"].(map[string]any) {
		addresses = append(addresses, c.(map[string]any)["address"].(string))
	}
	slices.Sort(addresses)
	want := []string{
		bus.SubjectStart, bus.SubjectStart + ".{token}", bus.SubjectSpawn, bus.SubjectLookup, bus.SubjectCall, bus.SubjectStop,
		bus.SubjectRetry, bus.SubjectList, bus.SubjectFleet, bus.SubjectDrain, bus.RejectedSubject("{reason}"),
		"tracker.events.{token}.{type}.{n}",
	}
	slices.Sort(want)
	if diff := cmp.Diff(want, addresses); diff != "" {
		t.Errorf("subjects (-Go +AsyncAPI):\n%s", diff)
	}
	used := map[string]bool{"asyncapi.json": true}
	for name, d := range docs {
		for _, r := range references(d) {
			file, path, _ := strings.Cut(r, "#")
			if file == "" {
				file = name
			}
			used[file] = used[file] || file != name
			if !resolves(docs[file], path) {
				t.Errorf("%s refers to %s, which is nowhere", name, r)
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(docs)) {
		if !used[name] {
			t.Errorf("%s is referred to by nothing", name)
		}
	}
}

func references(v any) (all []string) {
	switch v := v.(type) {
	case map[string]any:
		for k, e := range v {
			if s, ok := e.(string); ok && k == "$ref" {
				all = append(all, s)
			}
			all = append(all, references(e)...)
		}
	case []any:
		for _, e := range v {
			all = append(all, references(e)...)
		}
	}
	return all
}

func resolves(doc any, path string) bool {
	for part := range strings.SplitSeq(strings.TrimPrefix(path, "/"), "/") {
		if part == "" {
			continue
		}
		object, ok := doc.(map[string]any)
		if !ok || object[part] == nil {
			return false
		}
		doc = object[part]
	}
	return doc != nil
}

func marshal(t testing.TB, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

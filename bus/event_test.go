package bus

import (
	"encoding/json"
	"errors"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"
)

var noon = time.Date(2026, 1, 2, 12, 0, 0, 5, time.FixedZone("", 3600))

const parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

func TestEventHeaderIsThatOfTheContract(t *testing.T) {
	got := EventHeader("my fleet/1", mustID(t, "a.b"), "confirmed", 12, noon, 1234, 2, "w-7f3a", Trace{Parent: parent, State: "k=v"}).NATS()
	want := nats.Header{
		"ce-specversion": {"1.0"}, "ce-id": {"=YS5i/12"}, "ce-source": {"/tracker/my%20fleet%2F1"}, "ce-type": {"tracker.v1.confirmed"},
		"ce-subject": {"=YS5i"}, "ce-time": {"2026-01-02T11:00:00.000000005Z"}, "ce-sequence": {"12"}, "ce-datacontenttype": {"application/json"},
		"Tracker-Epoch": {"1234"}, "Tracker-Incarnation": {"2"}, "Tracker-Worker": {"w-7f3a"}, "traceparent": {parent}, "tracestate": {"k=v"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestEventBodyIsFlat(t *testing.T) {
	id := mustID(t, "a<b")
	common := `"transaction_id":"a<b","type":"parked","n":3,"run":1,"at":"2026-01-02T11:00:00.000000005Z"`
	for name, tc := range map[string]struct {
		meta json.RawMessage
		data any
		want string
	}{
		"nothing":     {nil, nil, `{` + common + `}`},
		"empty":       {nil, struct{}{}, `{` + common + `}`},
		"nil pointer": {nil, (*Progress)(nil), `{` + common + `}`},
		"struct":      {nil, Progress{3, 12}, `{` + common + `,"have":3,"need":12}`},
		"meta":        {json.RawMessage(`{"a":1}`), map[string]any{"r": "<"}, `{` + common + `,"meta":{"a":1},"r":"<"}`},
	} {
		got, err := EventBody(id, "parked", 3, 1, noon, tc.meta, tc.data)
		if err != nil || string(got) != tc.want {
			t.Errorf("%s: %s, %v, want %s", name, got, err, tc.want)
		}
	}
	for _, data := range []any{7, "x", []int{1}, map[string]any{"n": 1}, map[string]any{"meta": 1}, map[string]any{"c": func() {}}} {
		if got, err := EventBody(id, "parked", 3, 1, noon, nil, data); err == nil {
			t.Errorf("%T: taken as %s", data, got)
		}
	}
}

func TestEventsAreReadAsWritten(t *testing.T) {
	id := mustID(t, "a.b é")
	trace := Trace{Parent: parent, State: "k=v"}
	header := EventHeader("f", id, "confirmed", 12, noon, 1234, 2, "w-1", trace).NATS()
	body, err := EventBody(id, "confirmed", 12, 3, noon, nil, Progress{1, 2})
	if err != nil {
		t.Fatal(err)
	}
	subject := EventSubject(id, "confirmed", 12)
	got, err := ParseEvent(subject, header, body, 99)
	if err != nil {
		t.Fatal(err)
	}
	want := &Event{
		TransactionID: id, Type: "confirmed", N: 12, Run: 3, At: noon.UTC(), Sequence: 99, Epoch: 1234, Incarnation: 2, Worker: "w-1",
		TraceParent: parent, TraceState: "k=v", Data: body,
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(ID{})); diff != "" || !got.Terminal() {
		t.Error(diff)
	}
	without := func(name string) nats.Header {
		h := maps.Clone(header)
		delete(h, name)
		return h
	}
	for name, err := range map[string]error{
		"other ID":   second(ParseEvent(EventSubject(mustID(t, "c"), "confirmed", 12), header, body, 1)),
		"other type": second(ParseEvent(EventSubject(id, "failed", 12), header, body, 1)),
		"other n":    second(ParseEvent(EventSubject(id, "confirmed", 13), header, body, 1)),
		"no epoch":   second(ParseEvent(subject, without(HeaderEpoch), body, 1)),
		"no process": second(ParseEvent(subject, without(HeaderIncarnation), body, 1)),
		"no header":  second(ParseEvent(subject, nil, body, 1)),
		"no body":    second(ParseEvent(subject, header, nil, 1)),
	} {
		if !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func second(_ *Event, err error) error { return err }

func FuzzParseEventSubject(f *testing.F) {
	for _, s := range []string{
		"tracker.events.t.started.1", "tracker.events.=YS5i.confirmed.18446744073709551615", "tracker.events.t.started.01", "tracker.events.t.started.0",
		"tracker.events.t..1", "tracker.events.t.started", "tracker.events.t.started.1.2", "tracker.events.t.started.+1", "",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		id, eventType, n, err := ParseEventSubject(s)
		if err != nil {
			if !errors.Is(err, ErrInvalid) {
				t.Errorf("%q: %v", s, err)
			}
			return
		}
		if back := EventSubject(id, eventType, n); back != s {
			t.Errorf("%q is read as %q", s, back)
		}
	})
}

func TestTraceIsReadInAnyLetterCase(t *testing.T) {
	for _, name := range []string{"traceparent", "Traceparent", "TRACEPARENT", "TraceParent"} {
		got := TraceOf(nats.Header{name: {parent}, name + "x": {"y"}, "TraceState": {"k=v"}})
		if got != (Trace{Parent: parent, State: "k=v"}) {
			t.Errorf("%s: %+v", name, got)
		}
	}
	if got := TraceOf(nats.Header{"Traceparent": {"bad"}, "traceparent": {parent}}); got.Parent != parent {
		t.Errorf("the exact name does not go first: %+v", got)
	}
	if got := TraceOf(nats.Header{"traceparent": {parent}, "tracestate": {"a\r\nNats-Rollup: all"}}); got.State != "" || got.Parent == "" {
		t.Errorf("a hostile tracestate came through: %+v", got)
	}
}

func TestTraceParentsOfOtherFormAreNone(t *testing.T) {
	for value, ok := range map[string]bool{
		parent: true, "01" + parent[2:] + "-more": true, "cc" + parent[2:]: true,
		"": false, parent[:54]: false, parent + "-more": false, "ff" + parent[2:]: false, strings.ToUpper(parent): false, "01" + parent[2:] + "x": false,
		"00-00000000000000000000000000000000-b7ad6b7169203331-01": false, "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01": false,
		strings.Replace(parent, "-", "_", 1): false, strings.Replace(parent, "a", "g", 1): false, "01" + parent[2:] + "-a\r\n": false,
		parent[:52] + "\r\n1": false, "01" + parent[2:] + "-" + strings.Repeat("a", 600): false,
	} {
		if got := TraceOf(nats.Header{"traceparent": {value}}); (got.Parent != "") != ok {
			t.Errorf("%q: %+v", value, got)
		}
	}
}

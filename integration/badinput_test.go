package integration

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"trackerfleet/integration/process"
)

// poison is a body that is no start. Bytes that JSON cannot hold are as fine here as anywhere on a bus.
type poison struct {
	name   string
	body   string
	code   int
	fields []string // each must be named
}

func poisons() []poison {
	deep := func(n int) string { return strings.Repeat(`{"a":`, n) + "1" + strings.Repeat("}", n) }
	id := func(s string) string { return `{"transaction_id":` + quote(s) + `}` }
	return []poison{
		{"garbage", "\x00\x01\xfe\xff garbage", 400, []string{"transaction_id"}},
		{"half an object", `{"transaction_id":"x"`, 400, nil},
		{"two objects", `{"transaction_id":"x"}{}`, 400, nil},
		{"an array", `["x"]`, 400, nil},
		{"a JSON string", `"x"`, 400, nil},
		{"not UTF-8", "{\"transaction_id\":\"\xc3\x28\"}", 400, nil},
		{"no ID", `{"source":"sim"}`, 400, []string{"transaction_id"}},
		{"ID of 0 bytes", id(""), 400, []string{"transaction_id"}},
		{"ID of 129 bytes", id(strings.Repeat("x", 129)), 400, []string{"transaction_id"}},
		{"ID with a control character", id("a\nb"), 400, []string{"transaction_id"}},
		{"ID with NUL", id("a\x00b"), 400, []string{"transaction_id"}},
		{"ID with half a surrogate pair", `{"transaction_id":"\ud800"}`, 400, []string{"transaction_id"}},
		{
			"every field of a wrong type",
			`{"transaction_id":7,"source":[],"params":"x","restart":1,"timeout":5,"labels":[],"meta":1,"on_existing":false}`, 400,
			[]string{"transaction_id", "source", "params", "restart", "timeout", "labels", "meta", "on_existing"},
		},
		{"a duplicate field", `{"transaction_id":"dup","source":"sim","source":"sim"}`, 400, []string{"source"}},
		{"two IDs", `{"transaction_id":"a","transaction_id":"b"}`, 400, []string{"transaction_id"}},
		{"unknown fields", `{"transaction_id":"unknown","colour":"red","Timeout":"1h"}`, 400, []string{"colour", "Timeout"}},
		{"an unknown source", `{"transaction_id":"nosource","source":"mars"}`, 400, []string{"source"}},
		{"params that the source refuses", `{"transaction_id":"badparams","params":{"outcome":"win","colour":1}}`, 400, []string{"params.outcome", "params.colour"}},
		{"a negative timeout", `{"transaction_id":"late","timeout":"-1s"}`, 400, []string{"timeout"}},
		{"900 KB", `{"transaction_id":"big","meta":{"a":"` + strings.Repeat("x", 900<<10) + `"}}`, 413, nil},
		{"meta of more than 4 KiB", `{"transaction_id":"meta","meta":{"a":"` + strings.Repeat("x", 5<<10) + `"}}`, 413, []string{"meta"}},
		{"deep nesting", `{"transaction_id":"deep","params":` + deep(5_000) + `}`, 400, nil},
		{"deep nesting without an end", strings.Repeat(`{"a":[`, 8_000), 400, nil},
		{"number beyond all types", `{"transaction_id":1e999999}`, 400, []string{"transaction_id"}},
	}
}

// TestBadInputIsAnsweredWithEveryFault: spawn answers a 4xx code and names every faulty field; nothing is left of it.
func TestBadInputIsAnsweredWithEveryFault(t *testing.T) {
	f := newFleet(t, "w-1")
	for _, p := range poisons() {
		t.Run(p.name, func(t *testing.T) {
			r := f.ask(t, "spawn", p.body)
			if r.code() != p.code || r.Status != "error" || r.Error.Message == "" {
				t.Fatalf("want code %d, got %d: %.300s", p.code, r.code(), r.body)
			}
			for _, field := range p.fields {
				if !strings.Contains(" "+r.Error.fields()+" ", " "+field+" ") {
					t.Errorf("%s is not named: %.500s", field, r.body)
				}
			}
		})
	}
	for _, verb := range []string{"lookup", "call", "stop", "retry", "list", "fleet"} {
		t.Run(verb, func(t *testing.T) {
			for _, body := range []string{`{"transaction_id":`, `[1]`, `{"colour":1}`, strings.Repeat("{", 60_000), strings.Repeat("x", 900<<10)} {
				if r := f.ask(t, verb, body); r.code() < 400 || r.code() > 499 {
					t.Errorf("%.40q is answered with %d %.200s", body, r.code(), r.body)
				}
			}
		})
	}
	stillServes(t, f, "after_bad_requests")
}

// TestBadInputIsKeptAndPassedBy: a start that can't be understood goes to tracker.rejected.<reason> as it came, with every fault, and
// the starts before and after it are tracked.
func TestBadInputIsKeptAndPassedBy(t *testing.T) {
	t.Parallel()
	f := newFleet(t, "w-1")
	rejected := f.rejected(t)
	for i, p := range poisons() {
		t.Run(p.name, func(t *testing.T) {
			_, err := f.js.PublishMsg(t.Context(), &nats.Msg{
				Subject: "tracker.start", Data: []byte(p.body), Header: nats.Header{"Traceparent": {"kept"}, "X-Origin": {"here"}},
			})
			if err != nil {
				t.Fatal(err)
			}
			good := fmt.Sprintf("good_%d", i)
			if err := f.publish(t.Context(), "tracker.start", good); err != nil {
				t.Fatal(err)
			}
			msg := rejected()
			if string(msg.Data()) != p.body {
				t.Errorf("what is kept is not the original: %.200q", msg.Data())
			}
			why := reasons(t, msg)
			if why.Headers.Get("X-Origin") != "here" || why.Headers.Get("Traceparent") != "kept" || why.Subject != "tracker.start" {
				t.Errorf("where it came from is not kept: %+v", why)
			}
			for _, field := range p.fields {
				if !strings.Contains(" "+why.Error.fields()+" ", " "+field+" ") {
					t.Errorf("%s is not named in %+v", field, why.Error)
				}
			}
			f.eventsUntil(t, good, "started")
		})
	}
	stillServes(t, f, "after_poison")
}

// TestHostileSubjectsAndHeaders: what a publisher may put beside the body moves nobody else's start.
func TestHostileSubjectsAndHeaders(t *testing.T) {
	f := newFleet(t, "w-1")
	rejected := f.rejected(t)
	for _, subject := range []string{"tracker.start.=", "tracker.start.=!!", "tracker.start.=dHhu", "tracker.start.a%20b"} {
		if err := f.publish(t.Context(), subject, ""); err != nil {
			t.Fatal(err)
		}
		rejected()
	}
	if err := f.publish(t.Context(), "tracker.start.one", `{"transaction_id":"other"}`); err != nil {
		t.Fatal(err)
	}
	if msg := rejected(); msg.Subject() != "tracker.rejected.invalid" {
		t.Errorf("two IDs are rejected as %s", msg.Subject())
	}
	for name, value := range map[string]string{"Nats-Rollup": "all", "Nats-TTL": "1s", "Nats-Schedule": "@every 1s"} {
		_, err := f.js.PublishMsg(t.Context(), &nats.Msg{Subject: "tracker.start", Data: []byte("hostile"), Header: nats.Header{name: {value}}})
		if err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
	// A message ID that somebody has used before suppresses another's start for a moment at most.
	for _, id := range []string{"twin_1", "twin_2"} {
		process.Await(t, 5*time.Second, func() error {
			ack, err := f.js.Publish(t.Context(), "tracker.start", []byte(id), jetstream.WithMsgID("same"))
			if err == nil && ack.Duplicate {
				err = errors.New(id + " is taken for a duplicate of another transaction's start")
			}
			return err
		})
		f.eventsUntil(t, id, "started")
	}
	stillServes(t, f, "after_hostile")
}

// TestRepliesGoToInboxesOnly: a request whose reply subject is a stream's or the server's own is not answered there.
func TestRepliesGoToInboxesOnly(t *testing.T) {
	f := newFleet(t, "w-1")
	for _, hostile := range []string{"tracker.start", "$JS.API.STREAM.PURGE.TRACKER_STARTS", "tracker.rejected.invalid"} {
		if err := f.nc.PublishRequest("tracker.lookup", hostile, []byte("whoever")); err != nil {
			t.Fatal(err)
		}
	}
	stillServes(t, f, "after_hostile_replies")
	for stream, want := range map[string]uint64{"TRACKER_STARTS": 1, "TRACKER_REJECTED": 0} {
		s, err := f.js.Stream(t.Context(), stream)
		if err != nil {
			t.Fatal(err)
		}
		if got := s.CachedInfo().State.LastSeq; got != want {
			t.Errorf("%s has had %d messages, want %d: a reply went into it", stream, got, want)
		}
	}
}

// stillServes publishes a start and sees it through.
func stillServes(t *testing.T, f *fleet, id string) {
	t.Helper()
	if err := f.publish(t.Context(), "tracker.start", `{"transaction_id":"`+id+`","params":`+soon+`}`); err != nil {
		t.Fatal(err)
	}
	f.eventsUntil(t, id, "confirmed")
	if r := f.want(t, "found", "lookup", id); r.Tracker.Restarts != 0 {
		t.Errorf("a good start was restarted: %s", r.body)
	}
	select {
	case <-f.workers[0].Ended():
		t.Error("the worker has ended")
	default:
	}
}

// why is what is kept of a rejected start beside its body.
type why struct {
	Error   fault
	Subject string
	Headers nats.Header
}

func reasons(t *testing.T, msg jetstream.Msg) (w why) {
	t.Helper()
	if err := json.Unmarshal([]byte(msg.Headers().Get("Tracker-Rejected")), &w); err != nil {
		t.Fatalf("headers %v: %v", msg.Headers(), err)
	}
	if want := "tracker.rejected." + w.Error.Code; msg.Subject() != want || w.Error.Message == "" {
		t.Errorf("rejected on %s: %+v", msg.Subject(), w.Error)
	}
	return w
}

// rejected returns what waits for the next rejected start.
func (f *fleet) rejected(t *testing.T) func() jetstream.Msg {
	t.Helper()
	consumer, err := f.js.OrderedConsumer(t.Context(), "TRACKER_REJECTED", jetstream.OrderedConsumerConfig{DeliverPolicy: jetstream.DeliverAllPolicy})
	if err != nil {
		t.Fatal(err)
	}
	messages, err := consumer.Messages()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(messages.Stop)
	return func() jetstream.Msg {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		msg, err := messages.Next(jetstream.NextContext(ctx))
		if err != nil {
			t.Fatalf("nothing was rejected: %v", err)
		}
		return msg
	}
}

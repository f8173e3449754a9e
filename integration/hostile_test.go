package integration

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"trackerfleet/integration/process"
)

// powers are headers by which a message asks a stream for more than to be stored.
var powers = []nats.Header{
	{"Nats-Rollup": {"all"}},
	{"Nats-Rollup": {"sub"}},
	{"Nats-TTL": {"1s"}},
	{"Nats-TTL": {"never"}},
	{"Nats-Incr": {"+1"}},
	{"Nats-Schedule": {"@every 1s"}, "Nats-Schedule-Target": {"tracker.start"}},
	{"Nats-Schedule": {"@at 2020-01-01T00:00:00Z"}, "Nats-Schedule-Target": {"tracker.fleet.owner.0"}},
	{"Nats-Expected-Stream": {"TRACKER"}},
	{"Nats-Expected-Stream": {"TRACKER_STARTS"}},
	{"Nats-Expected-Last-Sequence": {"0"}},
	{"Nats-Expected-Last-Subject-Sequence": {"0"}},
	{"Nats-Expected-Last-Subject-Sequence": {"0"}, "Nats-Expected-Last-Subject-Sequence-Subject": {"tracker.start.>"}},
	{"Nats-Expected-Last-Msg-Id": {"another"}},
	{"Nats-Batch-Id": {"mine"}, "Nats-Batch-Sequence": {"1"}, "Nats-Batch-Commit": {"1"}},
	{"Nats-Batch-Id": {"mine"}, "Nats-Batch-Sequence": {"7"}},
	{"Nats-Msg-Id": {"same"}},
	{"Nats-Marker-Reason": {"Purge"}},
	{"KV-Operation": {"PURGE"}},
	{"Status": {"503"}},
	{"Nats-Service-Error": {"no"}, "Nats-Service-Error-Code": {"500"}},
	{"Tracker-Write-Id": {"forged"}, "Tracker-Accepted": {"1970-01-01T00:00:00Z"}},
}

// TestHeadersGiveAPublisherNoPower: with whatever header a start comes, it becomes a tracker as any other or is refused to its own
// publisher, and every start before and after it is there.
func TestHeadersGiveAPublisherNoPower(t *testing.T) {
	f := newFleet(t, "w-1")
	bystanders := 0
	bystand := func() {
		id := fmt.Sprintf("bystander_%d", bystanders)
		bystanders++
		if err := f.publish(t.Context(), "tracker.start", `{"transaction_id":"`+id+`","params":`+forever+`}`); err != nil {
			t.Fatalf("%s: %v", id, err)
		}
	}
	bystand()
	taken := 0
	for i, header := range powers {
		id := fmt.Sprintf("power_%d", i)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		ack, err := f.js.PublishMsg(ctx, &nats.Msg{
			Subject: "tracker.start", Header: header, Data: []byte(`{"transaction_id":"` + id + `","params":` + forever + `}`),
		})
		cancel()
		bystand()
		if err == nil && !ack.Duplicate {
			taken++
			if e := f.last(t, id, "started"); e.N != 1 {
				t.Errorf("%v: %s", header, e)
			}
			process.Await(t, patience, func() error { // the event is stored a moment before the process runs
				if r := f.want(t, "found", "lookup", id); r.Tracker.Phase != "running" {
					return fmt.Errorf("%v: %s", header, r.body)
				}
				return nil
			})
		}
		t.Logf("%v: %v", header, err)
	}
	if taken == 0 {
		t.Error("no header is taken: nothing was tried")
	}
	f.storedInFull(t, bystanders+taken)
	for i := range bystanders {
		f.last(t, fmt.Sprintf("bystander_%d", i), "started")
	}
}

// storedInFull wants that many starts to be in the stream, from the first on.
func (f *fleet) storedInFull(t *testing.T, n int) {
	t.Helper()
	s, err := f.js.Stream(t.Context(), "TRACKER_STARTS")
	if err != nil {
		t.Fatal(err)
	}
	if state := s.CachedInfo().State; state.FirstSeq != 1 || state.Msgs < uint64(n) {
		t.Errorf("%d of %d starts are stored, from %d on", state.Msgs, n, state.FirstSeq)
	}
}

// TestNoVerbAnswersToTheServer asks every verb, with sense and without, for answers on subjects that a server obeys or a stream keeps:
// none is sent, each is counted, and nothing is purged or stored. Neither is it by a start whose acknowledgement goes there.
func TestNoVerbAnswersToTheServer(t *testing.T) {
	f := newFleet(t, "w-1")
	f.spawn(t, "hostage")
	if err := f.publish(t.Context(), "tracker.start", `{"transaction_id":"waiting","params":`+forever+`}`); err != nil {
		t.Fatal(err)
	}
	f.last(t, "waiting", "started")
	asked := 0
	for _, reply := range []string{
		"$JS.API.STREAM.PURGE.TRACKER_STARTS", "$JS.API.STREAM.PURGE.TRACKER_REJECTED", "$JS.API.STREAM.DELETE.TRACKER", "tracker.start",
		"tracker.rejected.invalid", "tracker.stop", "tracker.fleet.owner.0", "tracker.events.hostage.confirmed.2",
	} {
		for _, verb := range []string{"spawn", "lookup", "call", "stop", "retry", "list", "fleet"} {
			for _, body := range []string{`{"transaction_id":"nobody_knows"}`, "]"} {
				if verb == "spawn" {
					body = `{"transaction_id":"hostage","params":` + forever + `}`
				}
				if err := f.nc.PublishRequest("tracker."+verb, reply, []byte(body)); err != nil {
					t.Fatal(err)
				}
				asked++
			}
		}
		if strings.HasPrefix(reply, "$JS") {
			if err := f.nc.PublishRequest("tracker.start", reply, []byte(`{"transaction_id":"acked_elsewhere"}`)); err != nil {
				t.Fatal(err)
			}
		}
	}
	process.Await(t, patience, func() error {
		if n := int(metric(t, f.workers[0], "refused_replies_total")); n != asked {
			return fmt.Errorf("%d of %d answers were refused", n, asked)
		}
		return nil
	})
	f.last(t, "acked_elsewhere", "started")
	f.storedInFull(t, 4)
	for stream, want := range map[string]uint64{"TRACKER_STARTS": 4, "TRACKER_REJECTED": 0} {
		s, err := f.js.Stream(t.Context(), stream)
		if err != nil {
			t.Fatal(err)
		}
		if got := s.CachedInfo().State.LastSeq; got != want {
			t.Errorf("%s has had %d messages, want %d", stream, got, want)
		}
	}
	if r := f.want(t, "found", "lookup", "hostage"); r.Tracker.Phase != "running" || r.Tracker.Events != 1 && r.Tracker.Events != 2 {
		t.Errorf("the tracker is %s", r.body)
	}
}

// TestTooLargeLeavesNothing: a start of which a record would be too large is refused with 413, alone and among others, and neither a
// record nor an event nor a start of it is stored; the others are.
func TestTooLargeLeavesNothing(t *testing.T) {
	f := newFleet(t, "w-1")
	rejected := f.rejected(t)
	labels := make(map[string]string)
	for i := range 200 {
		labels[fmt.Sprintf("label_%d", i)] = strings.Repeat("x", 500)
	}
	many, err := json.Marshal(labels)
	if err != nil {
		t.Fatal(err)
	}
	for field, value := range map[string]string{
		"meta":   `{"a":"` + strings.Repeat("x", 5<<10) + `"}`,
		"labels": string(many),
		"params": `{"outcome":"` + strings.Repeat("x", 70<<10) + `"}`,
	} {
		t.Run(field, func(t *testing.T) {
			body := fmt.Sprintf(`{"transaction_id":"large_%s",%q:%s}`, field, field, value)
			if r := f.ask(t, "spawn", body); r.code() != 413 || r.Status != "error" {
				t.Errorf("alone it is answered with %d %.300s", r.code(), r.body)
			}
			if err := f.publish(t.Context(), "tracker.start", body); err != nil {
				t.Fatal(err)
			}
			if why := reasons(t, rejected()); why.Error.Code != "too_large" {
				t.Errorf("published it is rejected with %+v", why.Error)
			}
			r := f.ask(t, "spawn", fmt.Sprintf(`{"items":[{"transaction_id":"beside_%s","params":%s},%s]}`, field, forever, body))
			if len(r.Items) != 2 || r.Items[0].Status != "created" || r.Items[1].Error.Code != "too_large" {
				t.Errorf("among others it is answered with %.500s", r.body)
			}
			f.want(t, "not_found", "lookup", "large_"+field)
		})
	}
	s, err := f.js.Stream(t.Context(), "TRACKER")
	if err != nil {
		t.Fatal(err)
	}
	for _, subject := range []string{"tracker.events.large_meta.>", "tracker.events.large_labels.>", "tracker.fleet.state.*.*.large_meta"} {
		if msg, err := s.GetLastMsgForSubject(t.Context(), subject); err == nil {
			t.Errorf("%s is stored", msg.Subject)
		}
	}
}

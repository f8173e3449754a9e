package integration

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"strings"
	"syscall"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"trackerfleet/integration/checker"
	"trackerfleet/integration/process"
)

// confirming are params of a transaction that is included soon and takes hours to be final.
const confirming = `{"outcome":"confirm","confirmations":100000,"progress":"none"}`

// recordSubject is where the record of a transaction is stored.
func recordSubject(id string) string {
	h := fnv.New32a()
	h.Write([]byte(tokenOf(id)))
	slot := h.Sum32() % 16384
	return fmt.Sprintf("tracker.fleet.state.%d.%d.%s", slot%256, slot, tokenOf(id))
}

// record returns the stored record of a transaction and its sequence in the stream; nil and 0 when there is none.
func (c *client) record(t testing.TB, id string) (body []byte, sequence uint64) {
	t.Helper()
	stream, err := c.js.Stream(t.Context(), "TRACKER")
	if err != nil {
		t.Fatal(err)
	}
	m, err := stream.GetLastMsgForSubject(t.Context(), recordSubject(id))
	if err != nil {
		return nil, 0
	}
	return m.Data, m.Sequence
}

// replaceRecord writes a record as another version, or nobody, would, on condition that the one at sequence stands still.
func (c *client) replaceRecord(t testing.TB, id string, sequence uint64, body string) {
	t.Helper()
	_, err := c.js.Publish(t.Context(), recordSubject(id), []byte(body), jetstream.WithExpectLastSequencePerSubject(sequence))
	if err != nil {
		t.Fatalf("replace the record of %s: %v", id, err)
	}
}

// fieldsOf returns the members of a JSON object, and those of the objects in it by a path such as sight.peers.
func fieldsOf(t testing.TB, body []byte) map[string]string {
	t.Helper()
	all := make(map[string]string)
	var walk func(prefix string, b []byte)
	walk = func(prefix string, b []byte) {
		var members map[string]json.RawMessage
		if json.Unmarshal(b, &members) != nil {
			return
		}
		for name, value := range members {
			all[prefix+name] = string(value)
			walk(prefix+name+".", value)
		}
	}
	walk("", body)
	if len(all) == 0 {
		t.Fatalf("no JSON object: %s", body)
	}
	return all
}

// laterFields are what a version that is not written yet adds to a record: to itself, and to objects in it, where it has them.
var laterFields = map[string]string{
	"later": `{"deep":[1,{"}":"]\""}],"a.b":null}`, "other": "1.50", "sight.peers": "[7]", "inclusion.blobs": `{"n":1}`,
}

// withLater returns a record with laterFields, and those of them that it has a place for.
func withLater(t testing.TB, body []byte) (string, map[string]string) {
	t.Helper()
	text, has := string(body), make(map[string]string)
	for path, value := range laterFields {
		object, name, nested := strings.Cut(path, ".")
		before, after := "{", fmt.Sprintf("{%q:%s,", object, value)
		if nested {
			before, after = fmt.Sprintf("%q:{", object), fmt.Sprintf("%q:{%q:%s,", object, name, value)
		}
		if strings.Contains(text, before) {
			text, has[path] = strings.Replace(text, before, after, 1), value
		}
	}
	return text, has
}

// awaitPhase waits until lookup tells of a tracker in a phase, and not from a stale record.
func (c *client) awaitPhase(t testing.TB, id, phase string) (found object) {
	t.Helper()
	process.Await(t, patience, func() error {
		r, err := c.try(t.Context(), "lookup", id)
		if err == nil && (r.Status != "found" || r.Stale || r.Tracker.Phase != phase) {
			err = fmt.Errorf("lookup of %s: %s", id, r.body)
		}
		found = r.Tracker
		return err
	})
	return found
}

// startLater starts the transactions whose records another version is to write into, and returns nothing to be kept yet of each.
func (l *load) startLater(t *testing.T) map[string]map[string]string {
	t.Helper()
	kept := make(map[string]map[string]string)
	for id, params := range map[string]string{"later_pending": forever, "later_confirming": confirming, "later_old": forever} {
		kept[id] = nil
		l.client.want(t, "created", "spawn", fmt.Sprintf(`{"transaction_id":%q,"params":%s}`, id, params))
		l.asked[id] = params
		l.note(checker.Start{ID: id, Run: 1}, nil)
		l.client.eventsUntil(t, id, map[string]string{forever: "pending", confirming: "included"}[params])
	}
	return kept
}

// rewriteLater writes into the records what a later version might, notes in kept what that is, and returns how much of it is within
// objects. One record becomes what it was before there were schemas.
func (c *client) rewriteLater(t *testing.T, kept map[string]map[string]string) (nested int) {
	t.Helper()
	for id := range kept {
		body, sequence := c.record(t, id)
		if id == "later_old" {
			c.replaceRecord(t, id, sequence, strings.Replace(string(body), `"schema":1,`, "", 1))
			continue
		}
		text, has := withLater(t, body)
		kept[id] = has
		nested += len(has) - 2
		c.replaceRecord(t, id, sequence, text)
	}
	return nested
}

// stillHave holds records against what was to be kept of them.
func (c *client) stillHave(t *testing.T, kept map[string]map[string]string, by string) {
	t.Helper()
	for id, fields := range kept {
		body, _ := c.record(t, id)
		got := fieldsOf(t, body)
		for path, want := range fields {
			if got[path] != want {
				t.Errorf("after a decision by %s %s of %s is %q, want %q:\n%s", by, path, id, got[path], want, body)
			}
		}
	}
}

// TestFieldsOfALaterVersionSurviveTheFleet writes into records, while nobody owns them, what a later version might have written
// there. They are taken over, decided on, handed over, taken from a dead worker and brought to their end, and have it still.
func TestFieldsOfALaterVersionSurviveTheFleet(t *testing.T) {
	takesAWhile(t)
	t.Parallel()
	f := newFleet(t, "w-1")
	l := newLoad(f.client, "later")
	kept := l.startLater(t)
	f.leave(t, f.workers[0])
	nested := f.rewriteLater(t, kept)
	decisions := 0
	decide := func(by string) {
		for id := range kept {
			_, before := f.record(t, id)
			f.awaitPhase(t, id, "running")
			r := f.want(t, "restarted", "stop", fmt.Sprintf(`{"transaction_id":%q,"reason":"its_a_crash"}`, id))
			if _, after := f.record(t, id); after > before && r.Tracker.Worker == by {
				decisions++
			}
		}
		f.stillHave(t, kept, by)
	}
	second := f.startWorker(t, "w-2")
	decide("w-2")
	third := f.startWorker(t, "w-3")
	f.leave(t, second) // hands over
	decide("w-3")
	third.Kill()
	fourth := f.startWorker(t, "w-4")
	decide("w-4")
	for id := range kept {
		f.want(t, "stopped", "stop", id)
	}
	f.stillHave(t, kept, "w-4, the last")
	t.Log(l.judge(t, map[string]int{"takeover by another worker": 0, "decision": decisions, "nested field": nested}))
	if lines := loud(second, third, fourth); len(lines) > 0 {
		t.Errorf("errors were logged: %q", lines)
	}
}

// leave has a worker leave in order.
func (f *fleet) leave(t testing.TB, w *process.Worker) {
	t.Helper()
	w.Signal(t, syscall.SIGTERM)
	if code, err := w.Wait(t.Context()); code != 0 || err != nil {
		t.Fatalf("%s left with code %d: %v", w.Name, code, err)
	}
}

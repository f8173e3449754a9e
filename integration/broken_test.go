package integration

import (
	"fmt"
	"strings"
	"testing"

	"trackerfleet/integration/process"
)

// mustBeParked holds against a reason what is said of a transaction whose record is broken, and returns how often it is listed.
func (c *client) mustBeParked(t *testing.T, id, reason string) (listed int) {
	t.Helper()
	found := c.awaitPhase(t, id, "parked")
	if found.ID != id || found.LastError == nil || !strings.Contains(found.LastError.Message, reason) {
		t.Errorf("lookup of %s tells %+v", id, found)
	}
	for _, tr := range c.ask(t, "list", `{"filter":"phase:parked","limit":100}`).Trackers {
		if tr.ID == id && tr.LastError != nil && strings.Contains(tr.LastError.Message, reason) && tr.Worker == found.Worker {
			listed++
		}
	}
	for _, verb := range []string{"spawn", "stop", "call", "retry"} {
		r := c.ask(t, verb, fmt.Sprintf(`{"transaction_id":%q}`, id))
		if r.Error.Code != "conflict" || !strings.Contains(r.Error.Message, reason) {
			t.Errorf("%s of %s is answered with %s", verb, id, r.body)
		}
	}
	return listed
}

// TestBrokenRecordsParkTheirTrackersAlone puts records into the stream that no version, or only a later one, can read. Each is
// parked with the reason, wherever one asks, and stays what it is; its name is not given away; and all others live.
func TestBrokenRecordsParkTheirTrackersAlone(t *testing.T) {
	takesAWhile(t)
	t.Parallel()
	f := newFleet(t, "w-1")
	l := newLoad(f.client, "broken")
	stop := l.spawnLasting(t, 40)
	whole, _ := f.record(t, "broken_lasting_0")
	broken := map[string]struct{ body, reason string }{
		"b/rubbish":   {"rubbish", "bad record"},
		"b/truncated": {string(whole[:len(whole)/2]), "bad record"},
		"b/empty":     {"{}", "no transaction_id"},
		"b/stray":     {string(whole), "its subject another"},
		"b/later":     {`{"schema":2,"transaction_id":"b/later","source":"sim","run":1}`, "newer schema"},
	}
	f.workers[0].Kill()
	for id, b := range broken {
		f.replaceRecord(t, id, 0, b.body)
	}
	second := f.startWorker(t, "w-2")
	third := f.startWorker(t, "w-3")
	f.awaitShared(t, second, third)
	l.lasting(t, 40) // all of them run
	seen := 0
	for id, b := range broken {
		seen += f.mustBeParked(t, id, b.reason)
		if err := f.publish(t.Context(), "tracker.start", fmt.Sprintf(`{"transaction_id":%q}`, id)); err != nil {
			t.Error(err)
		}
	}
	process.Await(t, patience, func() error { // the starts are kept where they can be seen
		stream, err := f.js.Stream(t.Context(), "TRACKER_REJECTED")
		if err != nil {
			return err
		}
		return more(int(stream.CachedInfo().State.Msgs), len(broken)-1)
	})
	for id, b := range broken {
		if body, _ := f.record(t, id); string(body) != b.body {
			t.Errorf("the record of %s is %s now", id, body)
		}
	}
	stop()
	t.Log(l.judge(t, map[string]int{"takeover by another worker": 0, "broken record listed": seen}))
	for _, line := range loud(second, third) {
		if !strings.Contains(line, "record cannot be read") {
			t.Errorf("an error was logged: %s", line)
		}
	}
}

package workers

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"trackerfleet/bus"
	"trackerfleet/workers/simulated"
)

// leaveRecord stores a record as another version, or nobody, would write it.
func (s *site) leaveRecord(id, body string) {
	s.t.Helper()
	parsed, err := bus.ParseID(id)
	if err != nil {
		s.t.Fatal(err)
	}
	if _, err := s.js.Publish(s.t.Context(), bus.StateSubject(parsed), []byte(body)); err != nil {
		s.t.Fatal(err)
	}
}

// halt stops a worker before the test ends.
func (s *site) halt(w *Worker) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), 30*time.Second)
	defer cancel()
	if err := w.Stop(ctx); err != nil {
		s.t.Fatal(err)
	}
}

// parkedIDs lists the transactions that are parked, over the whole fleet.
func (s *site) parkedIDs() string {
	s.t.Helper()
	page := s.request("list", `{"filter":"phase:parked"}`)
	var ids []string
	for _, tr := range page["trackers"].([]any) {
		ids = append(ids, fmt.Sprint(path(tr.(map[string]any), "transaction_id"), ": ", path(tr.(map[string]any), "last_error", "message")))
	}
	if got, _ := path(page, "counts", "by_phase", "parked").(float64); int(got) != len(ids) {
		s.t.Errorf("%v parked trackers are counted, and %q listed", got, ids)
	}
	return strings.Join(ids, "\n")
}

// TestBrokenRecordParksItsTransactionAlone: what can't be read is found, parked, with the reason; its name is taken; nothing is
// written over it; and once it is whole, retry brings the tracker back.
func TestBrokenRecordParksItsTransactionAlone(t *testing.T) {
	s := newSite(t)
	first := s.worker("w-1", nil)
	s.request("spawn", `{"transaction_id":"whole",`+waits+`}`)
	_, whole := storedCell(t, s, first, "whole")
	s.halt(first)
	broken := map[string]struct{ body, reason string }{
		"rubbish": {"rubbish", "invalid character"},
		"later":   {`{"schema":2,"transaction_id":"later","source":"sim"}`, "newer schema"},
		"stray":   {string(whole.Data), "its subject another"},
	}
	for id, b := range broken {
		s.leaveRecord(id, b.body)
	}
	second := s.worker("w-2", nil)
	eventually(t, "loaded", func() bool { return path(s.request("lookup", "whole"), "tracker", "phase") == "running" })
	for id, b := range broken {
		found := s.request("lookup", id)
		reason := fmt.Sprint(path(found, "tracker", "last_error", "message"))
		if found["status"] != "found" || found["stale"] == true || path(found, "tracker", "phase") != "parked" ||
			path(found, "tracker", "worker") != "w-2" || !strings.Contains(reason, b.reason) {
			t.Errorf("lookup of %s answered %v", id, found)
		}
		if listed := s.parkedIDs(); !strings.Contains(listed, id+": "+reason) {
			t.Errorf("%s is parked for %s, and listed are %s", id, reason, listed)
		}
		for _, verb := range []string{"stop", "retry", "call", "spawn"} {
			answer := s.request(verb, `{"transaction_id":"`+id+`"}`)
			if path(answer, "error", "code") != "conflict" || !strings.Contains(fmt.Sprint(path(answer, "error", "message")), b.reason) {
				t.Errorf("%s of %s answered %v", verb, id, answer)
			}
		}
		parsed, _ := bus.ParseID(id)
		if left, err := second.records.Get(t.Context(), bus.StateSubject(parsed)); err != nil || string(left.Data) != b.body {
			t.Errorf("the record of %s is %v now: %v", id, left, err)
		}
	}
	s.publishStart(`{"transaction_id":"rubbish"}`)
	eventually(t, "the start is kept", func() bool { return second.Stats().Rejected == 1 })

	s.leaveRecord("rubbish", strings.ReplaceAll(string(whole.Data), "whole", "rubbish"))
	if answer := s.request("retry", "rubbish"); answer["status"] != "resumed" || path(answer, "tracker", "phase") != "running" {
		t.Errorf("retry of the mended record answered %v", answer)
	}
	if listed := s.parkedIDs(); strings.Contains(listed, "rubbish") {
		t.Errorf("parked still are %s", listed)
	}
}

// TestRecordOfAMissingSourceIsParkedAndCanBeStopped: it can be read, so that it can come to its end.
func TestRecordOfAMissingSourceIsParkedAndCanBeStopped(t *testing.T) {
	s := newSite(t)
	first := s.worker("w-1", func(c *Config) {
		other, err := simulated.New(s.sim)
		if err != nil {
			t.Fatal(err)
		}
		c.Sources["other"], c.DefaultSource = other, "sim"
	})
	s.request("spawn", `{"transaction_id":"one","source":"other",`+waits+`}`)
	s.halt(first)
	second := s.worker("w-2", nil)
	const reason = `no source profile "other"`
	if listed := s.parkedIDs(); !strings.HasPrefix(listed, "one: ") || !strings.Contains(listed, reason) {
		t.Errorf("parked are %s", listed)
	}
	if found := s.request("lookup", "one"); path(found, "tracker", "phase") != "parked" || path(found, "tracker", "source") != "other" {
		t.Errorf("lookup answered %v", found)
	}
	crash := s.request("stop", `{"transaction_id":"one","reason":"its_a_crash"}`)
	for what, answer := range map[string]map[string]any{"a crash": crash, "call": s.request("call", "one")} {
		if path(answer, "error", "code") != "conflict" || !strings.Contains(fmt.Sprint(answer), "other") {
			t.Errorf("%s answered %v", what, answer)
		}
	}
	if answer := s.request("stop", "one"); answer["status"] != "stopped" || path(answer, "tracker", "worker") != "w-2" {
		t.Errorf("stop answered %v", answer)
	}
	if types := s.eventTypes("one"); types[len(types)-1] != "stopped" {
		t.Errorf("events are %v", types)
	}
	if found := s.request("lookup", "one"); path(found, "tracker", "phase") != "finished" || second.Stats().Unreadable != 0 {
		t.Errorf("lookup after the stop answered %v", found)
	}
	if answer := s.request("stop", "one"); answer["status"] != "finished" {
		t.Errorf("a second stop answered %v", answer)
	}
}

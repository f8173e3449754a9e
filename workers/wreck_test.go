package workers

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"trackerfleet/bus"
	"trackerfleet/supervision"
	"trackerfleet/workers/source/sourcetest"
)

// wrecked has a worker's source wreck trackers, and makes it quick to restart and to park them.
func wrecked(c *Config) *sourcetest.Wreck {
	c.Restarts = supervision.Intensity{MaxRestarts: 2, Period: time.Minute}
	c.Backoff = supervision.Backoff{Base: time.Millisecond, Cap: 2 * time.Millisecond}
	wreck := sourcetest.NewWreck(c.Sources["sim"])
	c.Sources["sim"] = wreck
	return wreck
}

// spawnWrecked starts a tracker that comes to no end by itself and is wrecked as planned.
func (s *site) spawnWrecked(id, plan string) map[string]any {
	s.t.Helper()
	return s.request("spawn", fmt.Sprintf(`{"transaction_id":%q,"params":{"outcome":"pending","wreck":%s}}`, id, plan))
}

// wantSaid wants a field of the first event of a type to contain a text.
func (s *site) wantSaid(id, eventType, field, want string) {
	s.t.Helper()
	parsed, err := bus.ParseID(id)
	if err != nil {
		s.t.Fatal(err)
	}
	for n := range uint64(20) {
		record, err := bus.NewRecords(s.nc).Get(s.t.Context(), bus.EventSubject(parsed, eventType, n+1))
		if err != nil {
			s.t.Fatal(err)
		}
		if record == nil {
			continue
		}
		var body map[string]any
		if err := json.Unmarshal(record.Data, &body); err != nil {
			s.t.Fatal(err)
		}
		if said := fmt.Sprint(body[field]); !strings.Contains(said, want) {
			s.t.Errorf("the %s of event %s of %s is %q, want %q in it", field, eventType, id, said, want)
		}
		return
	}
	s.t.Errorf("%s has no event %s", id, eventType)
}

// wrecks are all the ways in which a tracker comes to grief by a panic or a runtime.Goexit, and what follows.
var wrecks = []struct {
	name, plan string
	refresh    bool   // ask for it
	phase      string // that follows
	restarts   bool   // and the tracker runs again by itself
	retried    string // the phase after a retry
	events     string // in the end, but for pending, and for restarts on the way to parking
	says       string // the reason in the event of the restart or the parking
}{
	{"panics once", `{"at":"wake","from":2,"once":true,"deed":"panic"}`, false, "running", true, "", "started restarted stopped", "wrecked at wake"},
	{"exits once", `{"at":"wake","from":2,"once":true,"deed":"goexit"}`, false, "running", true, "", "started restarted stopped", "goexit"},
	{"panics always", `{"at":"refresh","deed":"panic"}`, true, "parked", false, "parked", "started parked resumed parked stopped", "wrecked at refresh"},
	{"exits always", `{"at":"refresh","deed":"goexit"}`, true, "parked", false, "parked", "started parked resumed parked stopped", "goexit"},
	{"panics in Init", `{"at":"watch","once":true,"deed":"panic"}`, false, "parked", false, "running", "started stopped", ""},
	{"exits in Init", `{"at":"watch","once":true,"deed":"goexit"}`, false, "parked", false, "running", "started stopped", ""},
	{"panics late in Init", `{"at":"wake","once":true,"deed":"panic"}`, false, "parked", false, "running", "started stopped", ""},
	{"panics in Terminate", `{"at":"close","deed":"panic"}`, false, "running", false, "", "started stopped", ""},
	{"exits in Terminate", `{"at":"close","deed":"goexit"}`, false, "running", false, "", "started stopped", ""},
	{"cannot be looked at", `{"at":"checks","deed":"panic"}`, false, "running", false, "", "started stopped", ""},
}

// TestWreckedTrackerIsAloneWithIt: a tracker that panics or is ended by runtime.Goexit, once or always, in any callback, is
// restarted, or parked with the reason, and no other one notices.
func TestWreckedTrackerIsAloneWithIt(t *testing.T) {
	s := newSite(t)
	var wreck *sourcetest.Wreck
	s.worker("w-1", func(c *Config) { wreck = wrecked(c) })
	const siblings = 10
	for i := range siblings {
		s.request("spawn", fmt.Sprintf(`{"transaction_id":"sibling%d",%s}`, i, waits))
	}
	for _, tc := range wrecks {
		t.Run(tc.name, func(t *testing.T) {
			before, id := wreck.Deeds(), tc.name
			s.spawnWrecked(id, tc.plan)
			if tc.refresh {
				s.request("call", fmt.Sprintf(`{"transaction_id":%q,"op":"refresh"}`, id))
			}
			s.awaitPhase(id, tc.phase, tc.restarts)
			if tc.phase == "parked" {
				s.request("retry", id)
				s.awaitPhase(id, tc.retried, false)
			}
			if got := s.request("stop", id); got["status"] != "stopped" {
				t.Errorf("stop answered %v", got)
			}
			types := strings.ReplaceAll(strings.Join(s.eventTypes(id), " "), " pending", "")
			if tc.phase == "parked" {
				types = strings.ReplaceAll(types, " restarted", "")
			}
			if types != tc.events {
				t.Errorf("events are %s, want %s", types, tc.events)
			}
			if wreck.Deeds() == before {
				t.Error("nothing was done to it")
			}
			if tc.restarts {
				s.wantSaid(id, "restarted", "reason", tc.says)
				s.wantSaid(id, "restarted", "stack", "wreckHandle")
			} else if tc.says != "" {
				s.wantSaid(id, "parked", "reason", tc.says)
			}
		})
	}
	for i := range siblings {
		id := fmt.Sprint("sibling", i)
		if got := s.request("lookup", id); path(got, "tracker", "incarnation") != 1.0 || path(got, "tracker", "restarts") != 0.0 {
			t.Errorf("the sibling is %v", got)
		}
	}
}

// awaitPhase waits until a tracker shows a phase, and has been restarted where that is wanted. One that is parked must say why.
func (s *site) awaitPhase(id, phase string, restarted bool) {
	s.t.Helper()
	var found map[string]any
	eventually(s.t.(*testing.T), id+" is "+phase, func() bool {
		found = s.request("lookup", id)
		return path(found, "tracker", "phase") == phase && (!restarted || path(found, "tracker", "incarnation") == 2.0)
	})
	if message, _ := path(found, "tracker", "last_error", "message").(string); phase == "parked" && message == "" {
		s.t.Errorf("%s is parked without a reason: %v", id, found)
	}
}

// TestParamsThatASourcePanicsOnAreRefused: by whatever way they come, no worker ends by them.
func TestParamsThatASourcePanicsOnAreRefused(t *testing.T) {
	s := newSite(t)
	w := s.worker("w-1", func(c *Config) { wrecked(c) })
	if got := s.spawnWrecked("bad", `{"at":"parse","deed":"panic"}`); path(got, "error", "code") != "invalid" {
		t.Errorf("spawn answered %v", got)
	}
	s.publishStart(`{"transaction_id":"worse","params":{"wreck":{"at":"parse","deed":"panic"}}}`)
	eventually(t, "it is rejected", func() bool { return w.Stats().Rejected == 1 })
}

// TestStartThatFailsLeavesNothingInItsSource: a tracker that panics in Init after it has begun to watch is not watched on, and
// holds no checkpoint back.
func TestStartThatFailsLeavesNothingInItsSource(t *testing.T) {
	s := newSite(t)
	w := s.worker("w-1", func(c *Config) { wrecked(c) })
	s.spawnWrecked("one", `{"at":"wake","once":true,"deed":"panic"}`)
	eventually(t, "nothing is watched", func() bool { return w.Stats().Sources["sim"].Watched == 0 })
	s.request("retry", "one")
	if n := w.Stats().Sources["sim"].Watched; n != 1 {
		t.Errorf("%d transactions are watched, want 1", n)
	}
}

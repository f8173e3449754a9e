package checker

import (
	"fmt"
	"maps"
	"strings"
	"testing"
)

func message() (subject string, header map[string][]string, body string) {
	const token = "=dHguMS_Dqw" // tx.1/ë
	return "tracker.events." + token + ".confirmed.4", map[string][]string{
		"ce-specversion": {"1.0"}, "ce-id": {token + "/4"}, "ce-type": {"tracker.v1.confirmed"}, "ce-subject": {token},
		"Tracker-Epoch": {"12"}, "Tracker-Incarnation": {"2"}, "Tracker-Worker": {"w-1"},
	}, `{"transaction_id":"tx.1/ë","type":"confirmed","n":4,"run":2,"at":"2026-01-02T03:04:05Z","block":{"number":7}}`
}

func TestParseEventReadsTheContract(t *testing.T) {
	subject, header, body := message()
	e := ParseEvent(9, subject, header, []byte(body))
	got := strings.TrimSpace(fmt.Sprintln(e.Sequence, e.ID, e.Type, e.N, e.Run, e.Epoch, e.Incarnation, e.Worker, e.At.Year(), e.Terminal(), e.Faults))
	if want := "9 tx.1/ë confirmed 4 2 12 2 w-1 2026 true []"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestParseEventNamesEveryFault(t *testing.T) {
	subject, sound, body := message()
	without := func(name string, values ...string) map[string][]string {
		h := maps.Clone(sound)
		h[name] = values
		return h
	}
	for _, c := range []struct {
		name, subject string
		header        map[string][]string
		body, fault   string
	}{
		{"subject", "tracker.events.x", sound, body, "is not tracker.events"},
		{"type", strings.Replace(subject, "confirmed", "finished", 1), sound, body, `unknown type "finished"`},
		{"token", strings.Replace(subject, "=dHg", "=!", 1), sound, body, "token"},
		{"number", subject + "x", sound, body, "n: "},
		{"epoch", subject, without("Tracker-Epoch"), body, "header Tracker-Epoch"},
		{"two incarnations", subject, without("Tracker-Incarnation", "1", "2"), body, "header Tracker-Incarnation"},
		{"worker", subject, without("Tracker-Worker", ""), body, "header Tracker-Worker"},
		{"ce-id", subject, without("ce-id", "x/1"), body, "header ce-id"},
		{"not JSON", subject, sound, "{", "body:"},
		{"another's body", subject, sound, strings.Replace(body, "tx.1/", "tx.2/", 1), `body says "tx.2/`},
		{"another number", subject, sound, strings.Replace(body, `"n":4`, `"n":5`, 1), "body says"},
		{"no time", subject, sound, strings.Replace(body, `"at"`, `"when"`, 1), "no time"},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := ParseEvent(9, c.subject, c.header, []byte(c.body))
			if !strings.Contains(strings.Join(e.Faults, "; "), c.fault) {
				t.Errorf("faults %q, want one with %q", e.Faults, c.fault)
			}
		})
	}
}

func FuzzParseEvent(f *testing.F) {
	subject, header, body := message()
	f.Add(subject, header["Tracker-Epoch"][0], []byte(body))
	f.Add("tracker.events..started.0", "-1", []byte("null"))
	f.Fuzz(func(t *testing.T, subject, epoch string, body []byte) {
		header["Tracker-Epoch"] = []string{epoch}
		e := ParseEvent(1, subject, header, body)
		if len(e.Faults) == 0 && (e.ID == "" || e.Type == "" || e.At.IsZero()) {
			t.Errorf("no faults in %q with %q", subject, body)
		}
		_ = e.String()
	})
}

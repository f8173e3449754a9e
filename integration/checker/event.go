package checker

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Event is one lifecycle event as it lies in the stream.
type Event struct {
	Sequence           uint64
	Token              string // of the subject
	ID                 string // decoded from it
	Type               string
	N, Run             uint64
	Epoch, Incarnation uint64
	Worker             string
	At                 time.Time
	Body               json.RawMessage
	Faults             []string // where subject, headers and body break the contract or contradict each other
}

// String returns the event as one line of a timeline.
func (e Event) String() string {
	return fmt.Sprintf("seq=%d n=%d run=%d %s epoch=%d/%d worker=%s at=%s %s",
		e.Sequence, e.N, e.Run, e.Type, e.Epoch, e.Incarnation, e.Worker, e.At.Format(time.RFC3339Nano), e.Body)
}

// Terminal reports whether the event ends its run.
func (e Event) Terminal() bool { return types[e.Type] == last }

// The parts that an event's type can have in a run.
const (
	first = iota + 1
	middle
	last
)

var types = map[string]int{
	"started":   first,
	"restarted": middle, "parked": middle, "resumed": middle,
	"pending": middle, "included": middle, "progress": middle, "reorged": middle, "missing": middle, "replacing": middle,
	"confirmed": last, "failed": last, "replaced": last, "dropped": last, "expired": last, "stopped": last,
}

// ParseEvent reads a message of tracker.events.>. It never fails: what is wrong is in Faults.
func ParseEvent(sequence uint64, subject string, header map[string][]string, body []byte) Event {
	e := Event{Sequence: sequence, Body: body}
	fault := func(format string, args ...any) { e.Faults = append(e.Faults, fmt.Sprintf(format, args...)) }

	parts := strings.Split(subject, ".")
	if len(parts) != 5 || parts[0] != "tracker" || parts[1] != "events" {
		fault("subject %q is not tracker.events.<token>.<type>.<n>", subject)
		return e
	}
	token := parts[2]
	e.Token = token
	e.Type = parts[3]
	if types[e.Type] == 0 {
		fault("unknown type %q", e.Type)
	}
	var err error
	if e.ID, err = idOf(token); err != nil {
		fault("token %q: %v", token, err)
	}
	if e.N, err = strconv.ParseUint(parts[4], 10, 64); err != nil {
		fault("n: %v", err)
	}
	number := func(name string) uint64 {
		v, err := strconv.ParseUint(get(header, name), 10, 64)
		if err != nil {
			fault("header %s: %v", name, err)
		}
		return v
	}
	e.Epoch, e.Incarnation = number("Tracker-Epoch"), number("Tracker-Incarnation")
	if e.Worker = get(header, "Tracker-Worker"); e.Worker == "" {
		fault("header Tracker-Worker is missing")
	}
	for name, want := range map[string]string{
		"ce-specversion": "1.0", "ce-id": token + "/" + parts[4], "ce-type": "tracker.v1." + e.Type, "ce-subject": token,
	} {
		if got := get(header, name); got != want {
			fault("header %s is %q, want %q", name, got, want)
		}
	}
	e.readBody(body, fault)
	return e
}

// readBody takes the run and the time from the body and holds the rest of it against the subject.
func (e *Event) readBody(body []byte, fault func(string, ...any)) {
	var b struct {
		ID   string    `json:"transaction_id"`
		Type string    `json:"type"`
		N    uint64    `json:"n"`
		Run  uint64    `json:"run"`
		At   time.Time `json:"at"`
	}
	if err := json.Unmarshal(body, &b); err != nil {
		fault("body: %v", err)
		return
	}
	e.Run, e.At = b.Run, b.At
	if b.ID != e.ID || b.Type != e.Type || b.N != e.N {
		fault("body says %q %s %d", b.ID, b.Type, b.N)
	}
	if b.At.IsZero() {
		fault("body has no time")
	}
}

// idOf returns the transaction ID that a token stands for.
func idOf(token string) (string, error) {
	encoded, ok := strings.CutPrefix(token, "=")
	if !ok {
		return token, nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(encoded)
	return string(raw), err
}

func get(header map[string][]string, name string) string {
	if values := header[name]; len(values) == 1 {
		return values[0]
	}
	return ""
}

package demo

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"trackerfleet/bus"
	"trackerfleet/workers/simulated"
	"trackerfleet/workers/source"
)

// Check is one promise and whether it was kept.
type Check struct {
	Name   string `json:"name"`
	Held   bool   `json:"held"`
	Detail string `json:"detail"`

	// Timeline is everything that happened to the first transaction that the promise was not kept to.
	Timeline []*bus.Event `json:"timeline,omitempty"`
}

// Evidence is what a rehearsal saw from outside.
type Evidence struct {
	Accepted map[bus.ID]bool       // starts that the fleet accepted
	Crashed  map[bus.ID]Crash      // trackers that crashed on purpose
	Events   []*bus.Event          // the whole stream, in its order
	Lookups  map[bus.ID]bus.Status // what lookups said at the end
	Strike   Strike                // the worker that was killed
}

// Crash is what the answers said of a tracker that crashed: which process it was, and when the answer was there.
type Crash struct {
	Answered           time.Time
	Epoch, Incarnation uint64
}

// successor reports whether e was decided by a later process than the one that crashed.
func (c Crash) successor(e *bus.Event) bool {
	return e.Epoch > c.Epoch || (e.Epoch == c.Epoch && e.Incarnation > c.Incarnation)
}

// timeline is the events of one transaction and what is wrong with them, by check.
type timeline struct {
	id     bus.ID
	events []*bus.Event
}

// rule is one check that every transaction must pass; its error says what is wrong.
type rule struct {
	name  string
	of    func(e Evidence, id bus.ID) bool // nil: every accepted one
	check func(timeline) error
}

// Audit returns the checks in a fixed order. A check that applied to nothing has not held: it would prove nothing.
func Audit(plan Plan, chain simulated.Config, e Evidence) []Check {
	lines := map[bus.ID][]*bus.Event{}
	for _, event := range e.Events {
		lines[event.TransactionID] = append(lines[event.TransactionID], event)
	}
	rules := []rule{
		{name: "no accepted start is lost", check: tracked},
		{name: "one tracker each, whatever the duplicates", check: startedOnce},
		{name: "events are numbered without a gap", check: gapless},
		{name: "one final event each, the last one", check: endsOnce},
		{name: "the end is what the chain says", check: func(t timeline) error { return truthful(chain, t) }},
		{name: "process identity only goes up", check: upwards},
		{name: "crashed trackers came back with their state", of: func(e Evidence, id bus.ID) bool {
			crash, ok := e.Crashed[id]
			return ok && !spared(lines[id], crash)
		}, check: func(t timeline) error { return cameBack(t, e.Crashed[t.id]) }},
		{name: "lookup agrees with the stream", of: func(e Evidence, id bus.ID) bool { return e.Lookups[id] != "" }, check: func(t timeline) error {
			return agrees(t, e.Lookups[t.id])
		}},
	}
	var checks []Check
	for _, r := range rules {
		checks = append(checks, r.apply(plan, e, lines))
	}
	return append(checks, oneOwner(e), takenOver(e, lines), nobodyElse(plan, e))
}

func (r rule) apply(plan Plan, e Evidence, lines map[bus.ID][]*bus.Event) Check {
	applied, broken := 0, 0
	c := Check{Name: r.name}
	var first error
	for _, id := range plan.IDs {
		if !e.Accepted[id] || (r.of != nil && !r.of(e, id)) {
			continue
		}
		applied++
		if err := r.check(timeline{id, lines[id]}); err != nil {
			if broken++; first == nil {
				first, c.Timeline = fmt.Errorf("%s: %w", id, err), lines[id]
			}
		}
	}
	c.Held, c.Detail = applied > 0 && broken == 0, fmt.Sprintf("%d of %d", applied-broken, applied)
	if first != nil {
		c.Detail += "; " + first.Error()
	}
	return c
}

func tracked(t timeline) error {
	if len(t.events) == 0 || t.events[0].Type != bus.EventStarted {
		return fmt.Errorf("no event %s", bus.EventStarted)
	}
	return nil
}

func startedOnce(t timeline) error {
	n := 0
	for _, e := range t.events {
		if e.Type == bus.EventStarted {
			n++
		}
	}
	if n != 1 {
		return fmt.Errorf("%d events %s", n, bus.EventStarted)
	}
	return nil
}

func gapless(t timeline) error {
	for i, e := range t.events {
		if e.N != uint64(i+1) {
			return fmt.Errorf("event %d has number %d", i+1, e.N)
		}
	}
	return nil
}

func endsOnce(t timeline) error {
	ends := 0
	for _, e := range t.events {
		if e.Terminal() {
			ends++
		}
	}
	if ends != 1 || !t.events[len(t.events)-1].Terminal() {
		return fmt.Errorf("%d final events", ends)
	}
	return nil
}

func truthful(chain simulated.Config, t timeline) error {
	truth, err := simulated.TruthOf(chain, t.id.String(), nil)
	if err != nil {
		return err
	}
	if len(t.events) == 0 {
		return fmt.Errorf("it ends %s, here nothing is known", truth.Status)
	}
	last := t.events[len(t.events)-1]
	var body struct {
		Block *source.BlockRef `json:"block"`
	}
	if err := json.Unmarshal(last.Data, &body); err != nil {
		return err
	}
	return truth.Check(last.Type, body.Block)
}

func upwards(t timeline) error {
	var epoch, incarnation uint64
	for _, e := range t.events {
		if e.Epoch < epoch || (e.Epoch == epoch && e.Incarnation < incarnation) {
			return fmt.Errorf("<%d.%d> follows <%d.%d>", e.Epoch, e.Incarnation, epoch, incarnation)
		}
		epoch, incarnation = e.Epoch, e.Incarnation
	}
	return nil
}

// spared reports whether the crash came too late to matter: the end had been decided before the crash was answered, and was on
// its way into the stream. Such a tracker has nothing to come back for.
func spared(events []*bus.Event, crash Crash) bool {
	for _, e := range events {
		if crash.successor(e) {
			return false
		}
	}
	return len(events) > 0 && events[len(events)-1].Terminal() && !events[len(events)-1].At.After(crash.Answered)
}

// Aftermath counts what became of crashes beside a restart in place.
type Aftermath struct {
	Spared int `json:"spared"` // the end had been decided just before; they prove nothing
	Moved  int `json:"moved"`  // another worker took the tracker over before it was restarted, so that no event says restarted
}

// Aftermath returns what became of the crashes.
func (e Evidence) Aftermath() Aftermath {
	lines := map[bus.ID][]*bus.Event{}
	for _, event := range e.Events {
		if _, ok := e.Crashed[event.TransactionID]; ok {
			lines[event.TransactionID] = append(lines[event.TransactionID], event)
		}
	}
	var a Aftermath
	for id, crash := range e.Crashed {
		restarted := slices.ContainsFunc(lines[id], func(e *bus.Event) bool { return e.Type == bus.EventRestarted })
		switch {
		case spared(lines[id], crash):
			a.Spared++
		case !restarted:
			a.Moved++
		}
	}
	return a
}

// cameBack finds trackers that went on deciding as the process that crashed, or that told again what they had told before: they
// had forgotten it. A process is known by epoch and incarnation; when another worker takes over, the epoch says so.
func cameBack(t timeline, crash Crash) error {
	returned, told := false, map[string]bool{}
	for _, e := range t.events {
		returned = returned || crash.successor(e)
		if e.At.After(crash.Answered) && !crash.successor(e) {
			return fmt.Errorf("<%d.%d> decided %s after it had crashed", e.Epoch, e.Incarnation, e.Type)
		}
		switch e.Type {
		case bus.EventMissing, bus.EventReorged, bus.EventReplacing: // after these it may be pending or included again
			clear(told)
		case bus.EventStarted, bus.EventPending, bus.EventIncluded:
			if told[e.Type] {
				return fmt.Errorf("told %s again after the crash", e.Type)
			}
			told[e.Type] = true
		}
	}
	if !returned {
		return fmt.Errorf("nothing follows the crash of <%d.%d>", crash.Epoch, crash.Incarnation)
	}
	return nil
}

func agrees(t timeline, said bus.Status) error {
	if len(t.events) == 0 || t.events[len(t.events)-1].Type != string(said) {
		return fmt.Errorf("lookup says %s", said)
	}
	return nil
}

func nobodyElse(plan Plan, e Evidence) Check {
	ours := make(map[bus.ID]bool, len(plan.IDs))
	for _, id := range plan.IDs {
		ours[id] = true
	}
	for _, event := range e.Events {
		if !ours[event.TransactionID] {
			return Check{Name: "no event of anybody else", Detail: event.TransactionID.String()}
		}
	}
	return Check{Name: "no event of anybody else", Held: len(e.Events) > 0, Detail: fmt.Sprintf("%d events", len(e.Events))}
}

package sourcetest

import (
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"sync"

	"trackerfleet/workers/source"
)

// Wreck is another source that wrecks the trackers of transactions whose params ask for it by "wreck", a [Plan]. For all
// others, and but for that, it is the other source.
type Wreck struct {
	source.Source

	release chan struct{} // closed when what hangs may go on
	once    sync.Once

	mu    sync.Mutex
	calls map[call]int
	deeds int
}

// Plan says at which calls into the source a tracker is wrecked, and how.
type Plan struct {
	At   string `json:"at"`   // the method: parse, watch, wake, refresh, checks or close
	From int    `json:"from"` // the first call that is, counted from 1 over all watches of the ID; 0 is 1
	Once bool   `json:"once"` // no call after it is
	Deed string `json:"deed"` // panic, goexit, hang until [Wreck.Release], or spawn: a panic in a goroutine of its own
}

type call struct{ id, method string }

// NewWreck returns a source that is s but for what params ask for.
func NewWreck(s source.Source) *Wreck {
	return &Wreck{Source: s, release: make(chan struct{}), calls: make(map[call]int)}
}

// Release lets everything go on that hangs, and nothing hangs from now on.
func (w *Wreck) Release() { w.once.Do(func() { close(w.release) }) }

// Deeds returns how often a tracker was wrecked.
func (w *Wreck) Deeds() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.deeds
}

// Unwrecked returns params without their plan, as the other source wants them.
func Unwrecked(params json.RawMessage) json.RawMessage {
	_, rest := planOf(params)
	return rest
}

// planOf returns the plan in params, nil if there is none, and the params without it.
func planOf(params json.RawMessage) (*Plan, json.RawMessage) {
	var fields map[string]json.RawMessage
	if json.Unmarshal(params, &fields) != nil || fields["wreck"] == nil {
		return nil, params
	}
	plan := new(Plan)
	if json.Unmarshal(fields["wreck"], plan) != nil {
		return nil, params
	}
	delete(fields, "wreck")
	rest, err := json.Marshal(fields)
	if err != nil {
		return nil, params
	}
	return plan, rest
}

// doomed is the Ref of a target whose tracker is to be wrecked.
type doomed struct {
	ref  any
	id   string
	plan Plan
}

// Parse has the other source read the params without the plan.
func (w *Wreck) Parse(id string, params json.RawMessage) (source.Target, error) {
	plan, rest := planOf(params)
	if plan != nil {
		w.strike("parse", id, *plan)
	}
	target, err := w.Source.Parse(id, rest)
	if plan != nil && err == nil {
		target.Ref = doomed{target.Ref, id, *plan}
	}
	return target, err
}

// Watch watches, and wrecks the tracker if that is the plan.
func (w *Wreck) Watch(t source.Target, h source.Hint, o source.Observer) source.Handle {
	d, ok := t.Ref.(doomed)
	if !ok {
		return w.Source.Watch(t, h, o)
	}
	w.strike("watch", d.id, d.plan)
	t.Ref = d.ref
	return &wreckHandle{w.Source.Watch(t, h, o), w, d}
}

// strike wrecks whoever makes this call, if that is the plan.
func (w *Wreck) strike(method, id string, p Plan) {
	if p.At != method {
		return
	}
	w.mu.Lock()
	made := call{id, method}
	w.calls[made]++
	first := max(p.From, 1)
	spared := w.calls[made] < first || p.Once && w.calls[made] > first
	if !spared {
		w.deeds++
	}
	w.mu.Unlock()
	if spared {
		return
	}
	switch p.Deed {
	case "panic":
		panic(fmt.Errorf("sourcetest: wrecked at %s", method))
	case "goexit":
		runtime.Goexit()
	case "hang":
		<-w.release
	case "spawn":
		go func() { panic(errors.New("sourcetest: wrecked in a goroutine of its own")) }()
		<-w.release
	}
}

// wreckHandle is a watch of a tracker that is to be wrecked.
type wreckHandle struct {
	source.Handle
	wreck *Wreck
	doomed
}

// Wake passes the wish on, after the deed.
func (h *wreckHandle) Wake(wake source.Wake) {
	h.wreck.strike("wake", h.id, h.plan)
	h.Handle.Wake(wake)
}

// Refresh passes the wish on, after the deed.
func (h *wreckHandle) Refresh() {
	h.wreck.strike("refresh", h.id, h.plan)
	h.Handle.Refresh()
}

// Checks passes the question on, after the deed.
func (h *wreckHandle) Checks() source.Checks {
	h.wreck.strike("checks", h.id, h.plan)
	return h.Handle.Checks()
}

// Close ends the watch, after the deed.
func (h *wreckHandle) Close() {
	h.wreck.strike("close", h.id, h.plan)
	h.Handle.Close()
}

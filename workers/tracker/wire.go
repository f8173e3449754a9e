package tracker

import (
	"encoding/json"
	"math"

	"trackerfleet/bus"
)

// wire is a record's JSON form.
type wire struct {
	Schema        uint64            `json:"schema"`
	TransactionID *bus.ID           `json:"transaction_id"`
	Source        string            `json:"source"`
	Params        json.RawMessage   `json:"params,omitempty"`
	Restart       string            `json:"restart,omitempty"`
	Labels        map[string]string `json:"labels,omitempty"`
	Meta          json.RawMessage   `json:"meta,omitempty"`
	Traceparent   string            `json:"traceparent,omitempty"`
	Tracestate    string            `json:"tracestate,omitempty"`
	Origin        origin            `json:"origin,omitzero"`
	Run           uint64            `json:"run"`
	Phase         bus.Phase         `json:"phase"`
	Status        bus.Status        `json:"status"`
	Events        uint64            `json:"events"`
	Epoch         uint64            `json:"epoch"`
	Incarnation   uint64            `json:"incarnation"`
	Restarts      uint64            `json:"restarts,omitempty"`
	Crashes       []stamp           `json:"crashes,omitempty"`
	LastError     *wireError        `json:"last_error,omitempty"`
	StartedAt     stamp             `json:"started_at,omitzero"`
	UpdatedAt     stamp             `json:"updated_at,omitzero"`
	Deadline      stamp             `json:"deadline,omitzero"`
	Checkpoint    uint64            `json:"checkpoint,omitempty"`
	Sight         *wireSight        `json:"sight,omitempty"`
	Inclusion     *place            `json:"inclusion,omitempty"`
	Result        json.RawMessage   `json:"result,omitempty"`
}

// wireSight is a sight in JSON.
type wireSight struct {
	Height   uint64 `json:"height,omitempty"`
	LastSeen stamp  `json:"last_seen,omitzero"`
	Since    stamp  `json:"since,omitzero"`
	Checks   uint64 `json:"checks,omitempty"`
	Left     string `json:"left_block,omitempty"`
}

// wire returns s in JSON, with the hash of the block that was left.
func (s *sight) wire(left string) *wireSight {
	if s == nil {
		return nil
	}
	return &wireSight{Height: s.height, LastSeen: s.lastSeen, Since: s.since, Checks: uint64(s.checks), Left: left}
}

func (w *wireSight) sight() *sight {
	if w == nil {
		return nil
	}
	return &sight{height: w.Height, lastSeen: w.LastSeen, since: w.Since, checks: uint32(min(w.Checks, math.MaxUint32))}
}

// left returns the hash of the block that was left, nil for none.
func (w *wireSight) left() *string {
	if w == nil || w.Left == "" {
		return nil
	}
	left := w.Left // which does not keep w
	return &left
}

// wireError is the newest crash.
type wireError struct {
	At      stamp  `json:"at"`
	Message string `json:"message"`
}

// recordRoom is more than most records take beside what the source and the start have put in.
const recordRoom = 640

// wire returns r's JSON form, without the fields of other versions.
func (r *Record) wire() wire {
	w := wire{
		Schema: Schema, TransactionID: &r.id, Source: r.Source(), Params: r.Params(), Labels: r.Labels(), Meta: r.Meta(),
		Traceparent: r.Trace().Parent, Tracestate: r.Trace().State, Origin: r.origin, Run: uint64(r.run), Phase: r.Phase(), Status: r.Status(),
		Events: r.events, Epoch: r.epoch, Incarnation: r.incarnation, Restarts: r.Restarts(), StartedAt: r.startedAt,
		UpdatedAt: r.updatedAt, Deadline: r.deadline, Checkpoint: r.head, Sight: r.sight.wire(r.left()), Inclusion: r.place, Result: r.Result(),
	}
	if r.restart != 0 {
		w.Restart = r.Restart()
	}
	if t := r.trouble(); t != nil {
		w.Crashes = t.crashes
		w.LastError = &wireError{At: t.at, Message: t.message}
	}
	return w
}

// write writes the fields of w as encoding/json does, and extra within its objects.
func (w *wire) write(o *bus.Object, extra inner) {
	o.Number("schema", w.Schema)
	o.Text("transaction_id", w.TransactionID.String())
	o.Text("source", w.Source)
	o.RawIf("params", w.Params)
	o.TextIf("restart", w.Restart)
	if len(w.Labels) > 0 {
		o.Labels("labels", w.Labels)
	}
	o.RawIf("meta", w.Meta)
	o.TextIf("traceparent", w.Traceparent)
	o.TextIf("tracestate", w.Tracestate)
	if w.Origin != (origin{}) {
		o.Open("origin")
		timeIf(o, "stream", w.Origin.Stream)
		o.NumberIf("sequence", w.Origin.Sequence)
		o.Close()
	}
	o.Number("run", w.Run)
	o.Text("phase", string(w.Phase))
	o.Text("status", string(w.Status))
	o.Number("events", w.Events)
	o.Number("epoch", w.Epoch)
	o.Number("incarnation", w.Incarnation)
	o.NumberIf("restarts", w.Restarts)
	if len(w.Crashes) > 0 {
		o.Value("crashes", w.Crashes)
	}
	if e := w.LastError; e != nil {
		o.Open("last_error")
		o.Time("at", e.At.time())
		o.Text("message", e.Message)
		o.Members(extra.lastError)
		o.Close()
	}
	timeIf(o, "started_at", w.StartedAt)
	timeIf(o, "updated_at", w.UpdatedAt)
	timeIf(o, "deadline", w.Deadline)
	o.NumberIf("checkpoint", w.Checkpoint)
	w.Sight.write(o, extra.sight)
	w.Inclusion.write(o, extra.place)
	o.RawIf("result", w.Result)
}

func (w *wireSight) write(o *bus.Object, extra string) {
	if w == nil {
		return
	}
	o.Open("sight")
	o.NumberIf("height", w.Height)
	timeIf(o, "last_seen", w.LastSeen)
	timeIf(o, "since", w.Since)
	o.NumberIf("checks", w.Checks)
	o.TextIf("left_block", w.Left)
	o.Members(extra)
	o.Close()
}

func (p *place) write(o *bus.Object, extra string) {
	if p == nil {
		return
	}
	o.Open("inclusion")
	o.Number("number", p.Number)
	o.TextIf("hash", p.Hash)
	timeIf(o, "time", p.Time)
	o.NumberIf("index", p.Index)
	truthIf(o, "success", p.Success)
	o.TextIf("gas_used", p.GasUsed)
	o.TextIf("fee_paid", p.FeePaid)
	o.TextIf("reason", p.Reason)
	o.TextIf("reason_data", p.ReasonData)
	o.NumberIf("need", p.Need)
	o.NumberIf("reported", p.Reported)
	truthIf(o, "safe", p.Safe)
	o.TextIf("by", p.By)
	o.TextIf("kind", p.Kind)
	o.TextIf("before", string(p.Before))
	o.Members(extra)
	o.Close()
}

// timeIf writes a time unless it is none.
func timeIf(o *bus.Object, name string, s stamp) {
	if s != 0 {
		o.Time(name, s.time())
	}
}

// truthIf writes true, and nothing of false.
func truthIf(o *bus.Object, name string, is bool) {
	if is {
		o.Value(name, true)
	}
}

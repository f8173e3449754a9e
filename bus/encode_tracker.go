package bus

import "time"

// AppendJSON appends what [Encode] returns to b.
func (t *Tracker) AppendJSON(b []byte) ([]byte, error) {
	o := BeginObject(b)
	o.Text("transaction_id", t.TransactionID.raw)
	o.Text("source", t.Source)
	o.Number("run", t.Run)
	o.Text("phase", string(t.Phase))
	o.Text("status", string(t.Status))
	if t.Progress != nil {
		o.Value("progress", t.Progress)
	}
	o.Text("worker", t.Worker)
	o.whole("partition", t.Partition)
	o.Number("epoch", t.Epoch)
	o.Number("incarnation", t.Incarnation)
	o.Number("restarts", t.Restarts)
	o.Time("started_at", t.StartedAt)
	o.Time("updated_at", t.UpdatedAt)
	o.timeIf("last_check_at", t.LastCheckAt)
	o.timeIf("next_check_at", t.NextCheckAt)
	o.TextIf("last_check_endpoint", t.LastCheckEndpoint)
	o.TextIf("waiting_for", t.WaitingFor)
	o.timeIf("deadline", t.Deadline)
	if t.LastError != nil {
		o.Value("last_error", t.LastError)
	}
	o.raw("result", t.Result)
	o.Labels("labels", t.Labels)
	o.RawIf("meta", t.Meta)
	o.Number("events", t.Events)
	return o.End()
}

// AppendJSON appends what [Encode] returns to b.
func (p *Progress) AppendJSON(b []byte) ([]byte, error) {
	o := BeginObject(b)
	o.Number("have", p.Have)
	o.Number("need", p.Need)
	return o.End()
}

// AppendJSON appends what [Encode] returns to b.
func (r LookupReply) AppendJSON(b []byte) ([]byte, error) {
	o := BeginObject(b)
	o.Text("status", string(r.Status))
	if r.Tracker != nil {
		o.Value("tracker", r.Tracker)
	}
	o.truth("stale", r.Stale)
	if r.Error != nil {
		o.Value("error", r.Error)
	}
	return o.End()
}

// AppendJSON appends what [Encode] returns to b.
func (r SpawnReply) AppendJSON(b []byte) ([]byte, error) {
	o := BeginObject(b)
	o.Text("status", string(r.Status))
	if r.Tracker != nil {
		o.Value("tracker", r.Tracker)
	}
	if r.Error != nil {
		o.Value("error", r.Error)
	}
	return o.End()
}

// AppendJSON appends what [Encode] returns to b.
func (r SpawnManyReply) AppendJSON(b []byte) ([]byte, error) {
	o := BeginObject(b)
	if r.Items == nil {
		o.Value("items", nil)
		return o.End()
	}
	o.name("items")
	o.b = append(o.b, '[')
	for i := range r.Items {
		if i > 0 {
			o.b = append(o.b, ',')
		}
		o.keep(r.Items[i].AppendJSON(o.b))
	}
	o.b = append(o.b, ']')
	return o.End()
}

// AppendJSON appends what [Encode] returns to b.
func (r StartRequest) AppendJSON(b []byte) ([]byte, error) {
	o := BeginObject(b)
	o.Text("transaction_id", r.TransactionID.raw)
	o.TextIf("source", r.Source)
	o.RawIf("params", r.Params)
	o.TextIf("restart", r.Restart)
	if r.Timeout != 0 {
		o.Text("timeout", time.Duration(r.Timeout).String())
	}
	if len(r.Labels) > 0 {
		o.Labels("labels", r.Labels)
	}
	o.RawIf("meta", r.Meta)
	o.TextIf("on_existing", string(r.OnExisting))
	return o.End()
}

// AppendJSON appends what [Encode] returns to b.
func (r StopRequest) AppendJSON(b []byte) ([]byte, error) {
	o := BeginObject(b)
	o.Text("transaction_id", r.TransactionID.raw)
	o.TextIf("reason", r.Reason)
	o.TextIf("by", r.By)
	return o.End()
}

// AppendJSON appends what [Encode] returns to b.
func (r StopReply) AppendJSON(b []byte) ([]byte, error) {
	o := BeginObject(b)
	o.Text("status", string(r.Status))
	o.Value("tracker", r.Tracker)
	return o.End()
}

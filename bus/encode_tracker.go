package bus

import "time"

func (t *Tracker) appendJSON(b []byte) ([]byte, error) {
	o := beginObject(b)
	o.text("transaction_id", t.TransactionID.raw)
	o.text("source", t.Source)
	o.number("run", t.Run)
	o.text("phase", string(t.Phase))
	o.text("status", string(t.Status))
	if t.Progress != nil {
		o.value("progress", t.Progress)
	}
	o.text("worker", t.Worker)
	o.whole("partition", t.Partition)
	o.number("epoch", t.Epoch)
	o.number("incarnation", t.Incarnation)
	o.number("restarts", t.Restarts)
	o.time("started_at", t.StartedAt)
	o.time("updated_at", t.UpdatedAt)
	o.timeIf("last_check_at", t.LastCheckAt)
	o.timeIf("next_check_at", t.NextCheckAt)
	o.textIf("last_check_endpoint", t.LastCheckEndpoint)
	o.textIf("waiting_for", t.WaitingFor)
	o.timeIf("deadline", t.Deadline)
	if t.LastError != nil {
		o.value("last_error", t.LastError)
	}
	o.raw("result", t.Result)
	o.labels("labels", t.Labels)
	o.rawIf("meta", t.Meta)
	o.number("events", t.Events)
	return o.end()
}

func (p *Progress) appendJSON(b []byte) ([]byte, error) {
	o := beginObject(b)
	o.number("have", p.Have)
	o.number("need", p.Need)
	return o.end()
}

func (r LookupReply) appendJSON(b []byte) ([]byte, error) {
	o := beginObject(b)
	o.text("status", string(r.Status))
	if r.Tracker != nil {
		o.value("tracker", r.Tracker)
	}
	o.truth("stale", r.Stale)
	if r.Error != nil {
		o.value("error", r.Error)
	}
	return o.end()
}

func (r SpawnReply) appendJSON(b []byte) ([]byte, error) {
	o := beginObject(b)
	o.text("status", string(r.Status))
	if r.Tracker != nil {
		o.value("tracker", r.Tracker)
	}
	if r.Error != nil {
		o.value("error", r.Error)
	}
	return o.end()
}

func (r SpawnManyReply) appendJSON(b []byte) ([]byte, error) {
	o := beginObject(b)
	if r.Items == nil {
		o.value("items", nil)
		return o.end()
	}
	o.name("items")
	o.b = append(o.b, '[')
	for i := range r.Items {
		if i > 0 {
			o.b = append(o.b, ',')
		}
		o.keep(r.Items[i].appendJSON(o.b))
	}
	o.b = append(o.b, ']')
	return o.end()
}

func (r StartRequest) appendJSON(b []byte) ([]byte, error) {
	o := beginObject(b)
	o.text("transaction_id", r.TransactionID.raw)
	o.textIf("source", r.Source)
	o.rawIf("params", r.Params)
	o.textIf("restart", r.Restart)
	if r.Timeout != 0 {
		o.text("timeout", time.Duration(r.Timeout).String())
	}
	if len(r.Labels) > 0 {
		o.labels("labels", r.Labels)
	}
	o.rawIf("meta", r.Meta)
	o.textIf("on_existing", string(r.OnExisting))
	return o.end()
}

func (r StopRequest) appendJSON(b []byte) ([]byte, error) {
	o := beginObject(b)
	o.text("transaction_id", r.TransactionID.raw)
	o.textIf("reason", r.Reason)
	o.textIf("by", r.By)
	return o.end()
}

func (r StopReply) appendJSON(b []byte) ([]byte, error) {
	o := beginObject(b)
	o.text("status", string(r.Status))
	o.value("tracker", r.Tracker)
	return o.end()
}

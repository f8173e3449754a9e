package tracker

import (
	"bytes"
	"encoding/json"
	"math"
	"time"

	"trackerfleet/bus"
)

// Start accepts req: the decision holds the first record of its transaction and the event started, number 1. The caller
// has checked req, params included, has put the default source's name where none was given, and sets the owner with
// [Record.Owned].
func Start(now time.Time, req bus.StartRequest, trace bus.Trace) Decision {
	return begin(&Record{id: req.TransactionID}, now, req, trace)
}

// Rerun accepts req for a transaction whose run has finished, the next run: event numbers go on, everything else begins
// anew. It returns an empty Decision if r has not finished. Whether req may differ is for the caller to ask [Record.Conflicts].
func (r *Record) Rerun(now time.Time, req bus.StartRequest, trace bus.Trace) Decision {
	if r.phase != finished || r.run == math.MaxUint32 {
		return Decision{}
	}
	next := &Record{id: r.id, run: r.run, events: r.events, epoch: r.epoch, incarnation: r.incarnation, origin: r.origin}
	if extra := r.restOf().extra; extra != "" {
		next.rest = &rest{extra: extra}
	}
	return begin(next, now, req, trace)
}

// begin makes a run of req that goes on from r.
func begin(r *Record, now time.Time, req bus.StartRequest, trace bus.Trace) Decision {
	c := change{from: r, next: r, now: stampOf(now)}
	r.run++
	r.startedAt = c.now
	if req.Timeout > 0 {
		r.deadline = stampOf(now.Add(time.Duration(req.Timeout)))
	}
	r.restart, _ = find[restart](restarts[:], req.Restart)
	r.ask = newAsk(req.Source, compact(req.Params), compact(req.Meta), req.Labels, trace)
	c.emit(bus.EventStarted, startedData{Source: req.Source, Params: r.Params(), Labels: r.Labels(), Deadline: r.deadline})
	return c.decision()
}

// compact returns JSON without white space, "" for null. What is no JSON stays as it is, for Encode to refuse.
func compact(b json.RawMessage) string {
	var buf bytes.Buffer
	if err := json.Compact(&buf, b); err != nil {
		return string(b)
	}
	if s := buf.String(); s != "null" {
		return s
	}
	return ""
}

// Conflicts returns the fields in which req asks for another transaction than r was started for, as
// [bus.ConflictingFields] does; nil when they are the same start.
func (r *Record) Conflicts(req bus.StartRequest) []string {
	return bus.ConflictingFields(r.Source(), r.Params(), req.Source, req.Params)
}

package tracker

import (
	"encoding/json"
	"fmt"
	"math"

	"trackerfleet/bus"
)

// Schema is the version of the records that this package writes. It goes up when a version that doesn't know a change must
// not touch the record; adding fields is no such change.
const Schema = 1

// Encode returns r as JSON, one line, with the fields of other versions that it was decoded with. It fails only if the
// params or meta of its start were no JSON.
func Encode(r *Record) ([]byte, error) {
	w := r.wire()
	rest := r.restOf()
	extra := rest.inner.of(&w)
	o := bus.BeginObject(make([]byte, 0, recordRoom+len(w.Params)+len(w.Meta)+len(w.Result)))
	w.write(&o, extra)
	o.Members(rest.extra)
	b, err := o.End()
	if err != nil {
		return nil, fmt.Errorf("tracker: record %q: %w", r.id, err)
	}
	return b, nil
}

// Decode reads a record. Absent fields have their zero values; what contradicts itself falls back to what the source will
// tell again. It fails with [ErrSchema] for a record of a newer [Schema] and with [ErrRecord] for anything else that it
// can't go on with.
func Decode(b []byte) (*Record, error) {
	w := wire{Schema: Schema}
	var version struct {
		Schema *json.Number `json:"schema"`
	}
	if err := json.Unmarshal(b, &w); err != nil {
		if json.Unmarshal(b, &version) == nil && newer(version.Schema) {
			return nil, fmt.Errorf("%w: %s, at most %d is known here", ErrSchema, *version.Schema, Schema)
		}
		return nil, fmt.Errorf("%w: %w", ErrRecord, err)
	}
	switch {
	case w.Schema > Schema:
		return nil, fmt.Errorf("%w: %d, at most %d is known here", ErrSchema, w.Schema, Schema)
	case w.TransactionID == nil:
		return nil, fmt.Errorf("%w: no transaction_id", ErrRecord)
	case w.Run > math.MaxUint32 || w.Restarts > math.MaxUint32 || w.Events > math.MaxUint64/2:
		return nil, fmt.Errorf("%w: run %d, restarts %d, events %d: out of range", ErrRecord, w.Run, w.Restarts, w.Events)
	}
	r := &Record{
		id: *w.TransactionID, sight: w.Sight.sight(), place: w.Inclusion, events: w.Events, epoch: w.Epoch,
		incarnation: w.Incarnation, startedAt: w.StartedAt, updatedAt: w.UpdatedAt, deadline: w.Deadline, head: w.Checkpoint,
		origin: w.Origin, run: uint32(w.Run),
		ask: newAsk(w.Source, compact(w.Params), compact(w.Meta), w.Labels, bus.Trace{Parent: w.Traceparent, State: w.Tracestate}),
	}
	kept := rest{result: compact(w.Result), trouble: w.trouble(), restarts: uint32(w.Restarts), left: w.Sight.left()}
	if kept.extra, kept.inner = foreignFields(b, w); kept != (rest{}) {
		r.rest = &kept
	}
	if err := r.read(w); err != nil {
		return nil, err
	}
	return r, nil
}

// trouble returns the crashes that w tells of, nil if there are none.
func (w *wire) trouble() *trouble {
	if w.LastError == nil && len(w.Crashes) == 0 {
		return nil
	}
	t := &trouble{crashes: w.Crashes[max(0, len(w.Crashes)-MaxCrashes):]}
	if w.LastError != nil {
		t.at, t.message = w.LastError.At, w.LastError.Message
	}
	return t
}

// newer reports whether a schema that may not even be a number of ours is above what is known.
func newer(schema *json.Number) bool {
	if schema == nil {
		return false
	}
	v, err := schema.Float64()
	return err == nil && v > Schema
}

// read sets the words of w and settles contradictions.
func (r *Record) read(w wire) error {
	var okStatus, okPhase, okRestart bool
	r.status, okStatus = find[status](statuses[:], w.Status)
	r.phase, okPhase = find[phase](phases[:], w.Phase)
	r.restart, okRestart = find[restart](restarts[:], w.Restart)
	switch {
	case !okStatus:
		return fmt.Errorf("%w: status %q", ErrRecord, clip(string(w.Status), maxWord))
	case !okPhase:
		return fmt.Errorf("%w: phase %q", ErrRecord, clip(string(w.Phase), maxWord))
	case !okRestart:
		return fmt.Errorf("%w: restart %q", ErrRecord, clip(w.Restart, maxWord))
	case (r.phase == finished) != r.status.terminal():
		return fmt.Errorf("%w: phase %s with status %s", ErrRecord, r.Phase(), r.Status())
	case r.status == confirming && r.place == nil:
		r.status = unseen
		if r.sight != nil && r.sight.lastSeen != 0 {
			r.status = pending
		}
	case r.status != confirming && !r.status.terminal():
		r.place = nil
	}
	return nil
}

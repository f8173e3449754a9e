package workers

import (
	"sync/atomic"

	"trackerfleet/bus"
	"trackerfleet/workers/source"
	"trackerfleet/workers/tracker"
)

// transition makes the write of a decision: its events and its record, to be stored together on the record's revision.
// The caller sets Done.
func (w *Worker) transition(partition int, epoch, expected uint64, d tracker.Decision) (bus.Write, error) {
	next := d.Next
	id := next.ID()
	trace := next.Trace()
	write := bus.Write{Partition: partition, Epoch: epoch, Expected: expected, Events: make([]bus.Message, 0, len(d.Events))}
	for _, e := range d.Events {
		body, err := e.Body()
		if err != nil {
			return bus.Write{}, err
		}
		write.Events = append(write.Events, bus.Message{
			Subject: bus.EventSubject(id, e.Type, e.N),
			Header: bus.EventHeader(w.cfg.Fleet, id, e.Type, e.N, e.At, next.Epoch(), next.Incarnation(),
				w.cfg.Name, trace),
			Data: body,
			TTL:  w.cfg.EventTTL,
		})
	}
	body, err := tracker.Encode(next)
	if err != nil {
		return bus.Write{}, err
	}
	write.State = bus.Message{Subject: bus.StateSubject(id), Data: body}
	if next.Phase() == bus.PhaseFinished {
		write.State.TTL = w.cfg.RecordTTL
	}
	return write, nil
}

// profile is one source with what the worker knows of it.
type profile struct {
	name   string
	index  uint16 // among the worker's
	source source.Source
	mark   watermark

	outage    atomic.Pointer[outage] // nil: it can be followed. Set by watchSources
	condition condition              // belongs to watchSources
}

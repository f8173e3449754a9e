package workers

import (
	"errors"
	"fmt"
	"time"

	"trackerfleet/bus"
	"trackerfleet/workers/tracker"
)

// stranded is a transaction of a partition that is owned here, whose record is stored and of which no tracker can be made: the
// record is broken, a newer version's, or asks for what this worker does not have. It counts as parked, alone, until
// tracker.retry finds its record whole.
type stranded struct {
	id     bus.ID
	record *tracker.Record // nil: the record cannot be read
	reason error
	since  time.Time // when this worker came upon it
}

// object is the transaction as far as it can be told. Of a record that cannot be read that is where it is and what is wrong;
// source, run and events are empty, and the status is unseen, since nothing else is known.
func (s stranded) object(worker string) bus.Tracker {
	object := bus.Tracker{
		TransactionID: s.id, Partition: s.id.Partition(), Status: bus.StatusUnseen, Labels: map[string]string{},
	}
	if s.record != nil {
		object = s.record.Object(0)
	}
	object.Worker, object.Phase = worker, bus.PhaseParked
	object.WaitingFor = "tracker.retry: no tracker can be made of its record"
	object.LastError = &bus.LastError{At: s.since, Message: s.reason.Error()}
	return object
}

// refusal answers what only a tracker could do.
func (s stranded) refusal() error {
	const text = "the transaction is parked, no tracker can be made of its record: %v; tracker.retry tries again"
	return bus.Errorf(bus.CodeConflict, text, s.reason)
}

// strand notes why no tracker can be made of a record, nil for one that cannot be read. A nil reason forgets it.
func (p *partition) strand(id bus.ID, record *tracker.Record, reason error) stranded {
	p.mu.Lock()
	defer p.mu.Unlock()
	if reason == nil {
		delete(p.stranded, id)
		return stranded{}
	}
	if p.stranded == nil {
		p.stranded = make(map[bus.ID]stranded)
	}
	s := stranded{id: id, record: record, reason: reason, since: time.Now().UTC()}
	p.stranded[id] = s
	return s
}

// isStranded returns what is known of a transaction that no tracker can be made of.
func (p *partition) isStranded(id bus.ID) (stranded, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s, ok := p.stranded[id]
	return s, ok
}

// strandedBy returns what is known of a transaction whose record was just found unreadable, before it may have been noted.
func (w *Worker) strandedBy(id bus.ID, reason error) stranded {
	if s, ok := w.partitions[id.Partition()].isStranded(id); ok && s.record == nil {
		return s
	}
	return stranded{id: id, reason: reason, since: time.Now().UTC()}
}

// allStranded returns every transaction of the partition that no tracker can be made of, in no order.
func (p *partition) allStranded() []stranded {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := make([]stranded, 0, len(p.stranded))
	for _, s := range p.stranded {
		all = append(all, s)
	}
	return all
}

// listStranded counts the transactions of this worker that no tracker can be made of, and calls each with every one of them.
func (w *Worker) listStranded(counts *bus.Counts, each func(bus.Tracker)) {
	for _, p := range w.partitions {
		if !p.owned() {
			continue
		}
		for _, s := range p.allStranded() {
			object := s.object(w.cfg.Name)
			counts.Total++
			counts.ByPhase[object.Phase]++
			counts.ByStatus[object.Status]++
			each(object)
		}
	}
}

func (p *partition) countStranded() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.stranded)
}

// decode reads a stored record. Beside what [tracker.Decode] refuses it refuses a record that stands under another
// transaction's subject: it would bring the wrong tracker back.
func decode(stored *bus.Record) (*tracker.Record, error) {
	record, err := tracker.Decode(stored.Data)
	if err == nil && bus.StateSubject(record.ID()) != stored.Subject {
		return nil, fmt.Errorf("%w: it names transaction %q, and its subject another", tracker.ErrRecord, record.ID())
	}
	return record, err
}

// unreadable reports whether err is that of a record that is there and cannot be read.
func unreadable(err error) bool {
	return errors.Is(err, tracker.ErrRecord) || errors.Is(err, tracker.ErrSchema)
}

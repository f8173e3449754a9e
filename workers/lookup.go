package workers

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"trackerfleet/bus"
	"trackerfleet/workers/tracker"
)

// directVerb returns the verb of tracker.fleet.p.<partition>.<verb>.<token>.
func directVerb(subject string) (string, bool) {
	parts := strings.Split(subject, ".")
	if len(parts) != 6 {
		return "", false
	}
	return parts[4], true
}

// quickLookup answers a lookup from memory, if the tracker runs here.
func (w *Worker) quickLookup(r request) bool {
	req, err := bus.DecodeLookup(r.body)
	if err != nil {
		w.replyError(r, err)
		return true
	}
	w.stats.lookups.Add(1)
	if c, ok := w.here(req.TransactionID); ok {
		if c.inFlight() != nil {
			return false
		}
		w.replyFound(r, c)
		return true
	}
	return false
}

// found is the answer to a lookup in the making. It is made in the same place again and again: otherwise it would be most of what a
// worker leaves to the collector.
type found struct {
	reply   bus.LookupReply
	tracker bus.Tracker
}

var founds = sync.Pool{New: func() any { return new(found) }}

func (w *Worker) replyFound(r request, c *cell) {
	f := founds.Get().(*found)
	f.tracker = c.object()
	f.reply = bus.LookupReply{Status: bus.LookupFound, Tracker: &f.tracker}
	w.replied(w.service.responder.Respond(r.Request, &f.reply))
	*f = found{}
	founds.Put(f)
}

// here returns the tracker of id if this worker may answer for it.
func (w *Worker) here(id bus.ID) (*cell, bool) {
	child, ok := w.names.Lookup(id.String())
	if !ok {
		return nil, false
	}
	c := cellOf(child)
	return c, w.serves(c.part.number)
}

// serveLookup answers a lookup from the tracker once its write in flight has ended, or from the stored record.
func (w *Worker) serveLookup(ctx context.Context, r request) {
	req, err := bus.DecodeLookup(r.body)
	if err != nil {
		w.replyError(r, err)
		return
	}
	if !w.serves(req.TransactionID.Partition()) && w.askForLookup(ctx, req.TransactionID, r) {
		return
	}
	reply, err := w.lookup(ctx, req.TransactionID)
	if err != nil {
		reply = bus.LookupReply{Status: bus.LookupUnavailable, Error: bus.WireError(fmt.Errorf("%w: %w", bus.ErrUnavailable, err))}
	}
	w.replied(w.service.responder.RespondLookup(r.Request, reply))
}

// lookupAsks is how often another owner is asked, and lookupWait the part of a lease that it has for its answer each time. A question to
// who has just given the partition up may be lost: the servers of a cluster do not all know at once who listens to what.
const (
	lookupAsks = 3
	lookupWait = 18
)

// askForLookup asks another owner, not for long: the stored record can answer too. It reports whether the owner did.
func (w *Worker) askForLookup(ctx context.Context, id bus.ID, r request) bool {
	for range lookupAsks {
		attempt, cancel := context.WithTimeout(ctx, w.cfg.Lease/lookupWait)
		err := w.askOwner(attempt, id, "lookup", r)
		lost := attempt.Err() != nil && ctx.Err() == nil
		cancel()
		if err == nil || !lost {
			return err == nil
		}
	}
	return false
}

func (w *Worker) lookup(ctx context.Context, id bus.ID) (bus.LookupReply, error) {
	c, ok := w.here(id)
	if !ok {
		return w.lookupStored(ctx, id)
	}
	stale := c.settled(ctx) != nil
	object := c.object()
	return bus.LookupReply{Status: bus.LookupFound, Tracker: &object, Stale: stale}, nil
}

// lookupStored reads what is known of id from the leader of the stream. It is stale unless this worker owns the partition: a
// process that could know more is elsewhere. While the partition comes or goes the record is all there is to know.
func (w *Worker) lookupStored(ctx context.Context, id bus.ID) (bus.LookupReply, error) {
	record, _, err := w.stored(ctx, id)
	if _, ok := w.here(id); ok { // it came while the record was read
		return w.lookup(ctx, id)
	}
	part := w.partitions[id.Partition()]
	switch {
	case errors.Is(err, bus.ErrNotFound):
		return bus.LookupReply{Status: bus.LookupNotFound}, nil
	case unreadable(err) && w.vouches(part.number): // to another owner it may be good
		object := w.strandedBy(id, err).object(w.cfg.Name)
		return bus.LookupReply{Status: bus.LookupFound, Tracker: &object}, nil
	case err != nil:
		return bus.LookupReply{}, err
	}
	object := w.storedObject(record)
	if s, ok := part.isStranded(id); ok && record.Phase() != bus.PhaseFinished {
		s.record = record // which may have been mended
		object = s.object(w.cfg.Name)
	}
	owner := w.owners.of(id.Partition())
	if object.Worker == "" {
		object.Worker = owner.Worker
	}
	return bus.LookupReply{Status: bus.LookupFound, Tracker: &object, Stale: !w.vouches(part.number)}, nil
}

// recordReads is how many requests read a record at one time, and the others wait. Claims and loading ask the same leader, which
// serves a connection's questions one after the other: a flood of requests for trackers that are not there yet must not keep
// them from coming.
const recordReads = 8

// stored reads the record of id. It fails with [bus.ErrNotFound] when there is none, and as [unreadable] says when it is broken.
func (w *Worker) stored(ctx context.Context, id bus.ID) (*tracker.Record, uint64, error) {
	select {
	case w.service.reads <- struct{}{}:
	case <-ctx.Done():
		return nil, 0, fmt.Errorf("workers: read the record: %w", context.Cause(ctx))
	}
	defer func() { <-w.service.reads }()
	part := w.partitions[id.Partition()]
	tenure, served := part.tenure(), w.serves(part.number)
	raw, err := w.records.Get(ctx, bus.StateSubject(id))
	if err == nil && raw == nil {
		if err = w.provesAbsence(ctx, part, tenure, served); err == nil {
			err = bus.ErrNotFound
		}
	}
	if err != nil {
		return nil, 0, err
	}
	record, err := decode(raw)
	return record, raw.Revision, err
}

// recordOwner reads the ID and the partition from the subject of a record.
func recordOwner(subject string) (bus.ID, int, bool) {
	parts := strings.Split(subject, ".")
	if len(parts) != 6 {
		return bus.ID{}, 0, false
	}
	id, err := bus.ParseToken(parts[5])
	if err != nil {
		return bus.ID{}, 0, false
	}
	return id, id.Partition(), true
}

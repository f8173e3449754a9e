package workers

import (
	"context"
	"errors"
	"fmt"
	"time"

	"trackerfleet/bus"
	"trackerfleet/workers/tracker"
)

// absent answers for a transaction that has no tracker here: it is passed on, or the record says why.
func (w *Worker) absent(ctx context.Context, id bus.ID, name string, r request) (record *tracker.Record, revision uint64, ok bool) {
	if !w.serves(id.Partition()) {
		switch err := w.askOwner(ctx, id, name, r); {
		case errors.Is(err, bus.ErrUnavailable):
			w.replyError(r, bus.Errorf(bus.CodeUnavailable, "partition %d has no owner that can be asked now", id.Partition()))
		case err != nil:
			w.replyError(r, fmt.Errorf("%w: %w", bus.ErrTimeout, err))
		}
		return nil, 0, false
	}
	record, revision, err := w.stored(ctx, id)
	switch {
	case unreadable(err):
		err = w.strandedBy(id, err).refusal()
		fallthrough
	case errors.Is(err, bus.ErrNotFound):
		w.replyError(r, err)
		return nil, 0, false
	case err != nil:
		w.replyError(r, fmt.Errorf("%w: %w", bus.ErrUnavailable, err))
		return nil, 0, false
	}
	return record, revision, true
}

// absentError says why a stored record has no tracker to talk to.
func (w *Worker) absentError(record *tracker.Record) error {
	if record.Phase() == bus.PhaseFinished {
		return bus.Errorf(bus.CodeNotFound, "the tracker has finished: %s", record.Status())
	}
	if s, ok := w.partitions[record.ID().Partition()].isStranded(record.ID()); ok {
		return s.refusal()
	}
	return bus.Errorf(bus.CodeUnavailable, "the tracker is not running yet")
}

// stopAbsent ends the run of a transaction without a tracker, unless that is only not there yet.
func (w *Worker) stopAbsent(ctx context.Context, r request, req bus.StopRequest) {
	record, revision, ok := w.absent(ctx, req.TransactionID, "stop", r)
	if !ok {
		return
	}
	if record.Phase() == bus.PhaseFinished {
		object := w.storedObject(record)
		w.reply(r, bus.StopReply{Status: bus.StopFinished, Tracker: &object})
		return
	}
	s, ok := w.partitions[req.TransactionID.Partition()].isStranded(req.TransactionID)
	if !ok || !req.Orderly() {
		w.replyError(r, w.absentError(record))
		return
	}
	s.record = record
	reply, err := w.stopStranded(ctx, s, revision, req)
	if err != nil {
		w.replyError(r, callError(err))
		return
	}
	w.reply(r, reply)
}

// stopStranded ends the run of a record that no tracker can be made of, with the terminal event stopped. It fails with
// [bus.ErrUnavailable] when the partition or the record has changed hands meanwhile.
func (w *Worker) stopStranded(ctx context.Context, s stranded, revision uint64, req bus.StopRequest) (bus.StopReply, error) {
	part := w.partitions[s.id.Partition()]
	epoch := part.epoch.Load()
	if epoch == 0 || !w.serves(part.number) {
		return bus.StopReply{}, bus.ErrUnavailable
	}
	record := s.record
	if record.Epoch() != epoch {
		record = record.Owned(epoch, 1)
	}
	d := record.Stop(time.Now(), req.Reason, req.By)
	write, err := w.transition(part.number, epoch, revision, d)
	if err != nil {
		return bus.StopReply{}, err
	}
	stored := make(chan error, 1)
	write.Done = func(r bus.Result) { stored <- r.Err }
	if err = w.journal.Submit(ctx, write); err == nil {
		select {
		case err = <-stored:
		case <-ctx.Done():
			return bus.StopReply{}, context.Cause(ctx)
		}
	}
	switch {
	case errors.Is(err, bus.ErrFenced), errors.Is(err, bus.ErrClosed), errors.Is(err, bus.ErrStale):
		return bus.StopReply{}, fmt.Errorf("%w: %w", bus.ErrUnavailable, err)
	case err != nil:
		return bus.StopReply{}, err
	}
	w.stats.published(d.Events)
	part.strand(s.id, nil, nil)
	object := d.Next.Object(0)
	object.Worker = w.cfg.Name
	return bus.StopReply{Status: bus.StopStopped, Tracker: &object}, nil
}

// retryAbsent makes the tracker of a record that could not be restored before.
func (w *Worker) retryAbsent(ctx context.Context, r request, req bus.RetryRequest) {
	part := w.partitions[req.TransactionID.Partition()]
	tenure := part.tenure()
	record, revision, ok := w.absent(ctx, req.TransactionID, "retry", r)
	if !ok {
		return
	}
	if record.Phase() == bus.PhaseFinished {
		w.replyError(r, w.absentError(record))
		return
	}
	c, err := w.revive(ctx, part, tenure, record, revision)
	if interrupted(ctx, err) {
		w.replyError(r, bus.ErrUnavailable)
		return
	}
	part.strand(req.TransactionID, record, err)
	if err != nil {
		w.replyError(r, err)
		return
	}
	object := c.object()
	w.reply(r, bus.RetryReply{Status: bus.RetryResumed, Tracker: &object})
}

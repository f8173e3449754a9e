package workers

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"go.uber.org/zap"

	"trackerfleet/bus"
	"trackerfleet/workers/source"
	"trackerfleet/workers/tracker"
)

// startRequest is one start on its way through the owner of its partition.
type startRequest struct {
	bus.StartRequest
	trace    bus.Trace
	accepted moment                      // its timeout counts from here
	origin   tracker.Origin              // its place in the start stream; it may come again when that is read again
	reply    func(bus.SpawnReply, error) // called exactly once; must not block
}

// due returns when the run that r begins expires, on the monotonic clock; the zero time: never.
func (r startRequest) due() time.Time {
	if r.Timeout <= 0 {
		return time.Time{}
	}
	return r.accepted.here.Add(time.Duration(r.Timeout))
}

// attempt is a start that is being stored. Starts of the same transaction that come meanwhile wait for it.
type attempt struct {
	id       bus.ID
	part     *partition
	tenure   tenure // in which it began
	profile  *profile
	target   source.Target
	request  startRequest
	record   *tracker.Record // what is stored: by this attempt if created, else what was there
	revision uint64
	created  bool
	waiting  []startRequest // guarded by the table
}

// startTable holds the attempts under way: at most one per transaction.
type startTable struct {
	mu       sync.Mutex
	attempts map[bus.ID]*attempt
}

// join returns true when there was no attempt for a's ID and a is one now; otherwise r waits for the one there is.
func (t *startTable) join(a *attempt, r startRequest) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if there, ok := t.attempts[a.id]; ok {
		there.waiting = append(there.waiting, r)
		return false
	}
	if t.attempts == nil {
		t.attempts = make(map[bus.ID]*attempt)
	}
	t.attempts[a.id] = a
	return true
}

// leave ends a and returns who waits for it.
func (t *startTable) leave(a *attempt) []startRequest {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.attempts, a.id)
	return a.waiting
}

func (t *startTable) len() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.attempts)
}

// serves reports whether this worker may answer for a partition now: it owns it, and no peer can think otherwise.
func (w *Worker) serves(p int) bool {
	part := w.partitions[p]
	return part.owned() && !part.is(leaving) && !part.is(vacant) && !w.isFrozen()
}

// vouches reports whether nobody else can change a record of the partition now, so that the stored one is the newest there is. It
// is so before the first tracker of a partition runs here, and after the last has stopped.
func (w *Worker) vouches(p int) bool {
	part := w.partitions[p]
	return part.owned() && !part.is(vacant) && !w.isFrozen()
}

// start stores a start and runs its tracker, or answers with what is there. It blocks while the journal is full; ctx bounds
// that. Errors that are [bus.ErrUnavailable] mean that nothing was done.
func (w *Worker) start(ctx context.Context, r startRequest) {
	if r.Source == "" {
		r.Source = w.cfg.DefaultSource
	}
	part := w.partitions[r.TransactionID.Partition()]
	tenure := part.tenure() // before it is known to be owned
	if !w.serves(part.number) {
		r.reply(bus.SpawnReply{}, bus.ErrUnavailable)
		return
	}
	if err := w.refusal(r); err != nil {
		r.reply(bus.SpawnReply{}, fmt.Errorf("%w: %w", bus.ErrUnavailable, err))
		return
	}
	if child, ok := w.names.Lookup(r.TransactionID.String()); ok {
		w.answerExisting(ctx, r, cellOf(child))
		return
	}
	profile, target, err := w.target(r.Source, r.TransactionID, r.Params)
	if err != nil {
		r.reply(bus.SpawnReply{}, err)
		return
	}
	if w.trackers.CountChildren().Total()+w.starts.len() >= w.cfg.MaxTrackers {
		r.reply(bus.SpawnReply{}, bus.Overloaded(time.Second))
		return
	}
	a := &attempt{id: r.TransactionID, part: part, tenure: tenure, profile: profile, target: target, request: r}
	if w.starts.join(a, r) {
		d := tracker.Start(r.accepted.date, r.StartRequest, r.trace)
		w.submitStart(ctx, a, d, 0)
	}
}

// refusal returns why a start can't be stored now, so that nobody waits in vain who could be told; nil: try. One of the start stream
// waits: it is stored already.
func (w *Worker) refusal(r startRequest) error {
	if r.origin != (tracker.Origin{}) {
		return w.ground.trouble()
	}
	return w.storeTrouble()
}

// submitStart stores a first record, or the one of a new run in place of revision.
func (w *Worker) submitStart(ctx context.Context, a *attempt, d tracker.Decision, revision uint64) {
	epoch := a.part.epoch.Load()
	incarnation := uint64(1)
	if d.Next.Epoch() == epoch {
		incarnation = d.Next.Incarnation() + 1
	}
	d.Next = d.Next.Owned(epoch, incarnation).From(a.request.origin)
	write, err := w.transition(a.part.number, epoch, revision, d)
	if err == nil {
		write.Done = func(r bus.Result) {
			if r.Err != nil {
				w.startFailed(a, r.Err)
				return
			}
			w.stats.published(d.Events)
			a.record, a.revision, a.created = d.Next, r.Revision, true
			w.spawning.add(a)
		}
		err = w.journal.Submit(ctx, write)
	}
	if err != nil {
		w.startFailed(a, err)
	}
}

// startFailed ends an attempt that stored nothing. Where a record stands already it goes on from that one; it is read anew
// off the journal's goroutine.
func (w *Worker) startFailed(a *attempt, err error) {
	var stale *bus.StaleError
	if errors.As(err, &stale) && stale.Record != nil {
		record, decodeErr := decode(stale.Record)
		if decodeErr == nil {
			a.record, a.revision = record, stale.Record.Revision
			w.spawning.add(a)
			return
		}
		err = w.strandedBy(a.id, decodeErr).refusal() // the name is taken, and nobody knows by what
	}
	if errors.Is(err, bus.ErrFenced) || errors.Is(err, bus.ErrClosed) || errors.Is(err, bus.ErrStale) {
		err = fmt.Errorf("%w: %w", bus.ErrUnavailable, err)
	}
	w.giveUp(a, err)
}

// giveUp answers everybody who waits for an attempt that came to nothing.
func (w *Worker) giveUp(a *attempt, err error) {
	waiting := w.starts.leave(a)
	a.request.reply(bus.SpawnReply{}, err)
	for _, r := range waiting {
		r.reply(bus.SpawnReply{}, err)
	}
}

// spawn runs the tracker of an attempt whose record is stored, by it or by an earlier start.
func (w *Worker) spawn(ctx context.Context, a *attempt) {
	if !a.created && a.record.Phase() == bus.PhaseFinished {
		w.meetFinished(ctx, a)
		return
	}
	var c *cell
	var err error
	if a.created {
		c = newCell(a.part, a.profile, a.target)
		c, err = w.startTracker(ctx, c, a.tenure, &commit{a.record, a.revision}, a.request.due())
	} else {
		c, err = w.revive(ctx, a.part, a.tenure, a.record, a.revision)
	}
	if interrupted(ctx, err) {
		w.giveUp(a, fmt.Errorf("%w: %w", bus.ErrUnavailable, err))
		return
	}
	var object bus.Tracker
	if s := a.part.strand(a.id, a.record, err); err != nil {
		w.log.Error("tracker cannot run, its transaction is parked", zap.String("transaction_id", a.id.String()), zap.Error(err))
		object = s.object(w.cfg.Name)
	} else {
		object = c.object()
	}
	waiting := w.starts.leave(a)
	if a.created {
		w.stats.created.Add(1)
		a.request.reply(bus.SpawnReply{Status: bus.SpawnCreated, Tracker: &object}, nil)
	} else {
		a.request.reply(existing(a.request, a.record, object))
	}
	for _, r := range waiting {
		w.start(ctx, r)
	}
}

// meetFinished answers a start of a transaction that has finished, or begins its next run.
func (w *Worker) meetFinished(ctx context.Context, a *attempt) {
	object := w.storedObject(a.record)
	reply, err := existing(a.request, a.record, object)
	if err == nil && a.request.OnExisting == bus.ExistingRestart && !a.record.Began(a.request.origin) {
		d := a.record.Rerun(a.request.accepted.date, a.request.StartRequest, a.request.trace)
		w.submitStart(ctx, a, d, a.revision)
		return
	}
	waiting := w.starts.leave(a)
	a.request.reply(reply, err)
	for _, r := range waiting {
		w.start(ctx, r)
	}
}

// answerExisting answers a start whose transaction has a tracker here. One that is just ending is waited for if a new run
// is asked for.
func (w *Worker) answerExisting(ctx context.Context, r startRequest, c *cell) {
	record := c.record.Load()
	if record.Phase() == bus.PhaseFinished && r.OnExisting == bus.ExistingRestart {
		select {
		case <-c.whenGone():
			w.start(ctx, r)
		case <-ctx.Done():
			r.reply(bus.SpawnReply{}, bus.ErrUnavailable)
		}
		return
	}
	r.reply(existing(r, record, c.object()))
}

// existing is the answer to a start that finds a record.
func existing(r startRequest, record *tracker.Record, object bus.Tracker) (bus.SpawnReply, error) {
	if fields := record.Conflicts(r.StartRequest); len(fields) > 0 {
		return bus.SpawnReply{}, bus.Conflict(fields...)
	}
	if r.OnExisting == bus.ExistingReject {
		return bus.SpawnReply{}, bus.Errorf(bus.CodeExists, "the transaction has a tracker, it is %s", object.Phase)
	}
	status := bus.SpawnExisting
	if record.Phase() == bus.PhaseFinished {
		status = bus.SpawnFinished
	}
	return bus.SpawnReply{Status: status, Tracker: &object}, nil
}

// storedObject is a tracker as its stored record tells it, without a process.
func (w *Worker) storedObject(record *tracker.Record) bus.Tracker {
	object := record.Object(0)
	if object.Phase == bus.PhaseRunning {
		object.Phase = bus.PhaseHandoff
	}
	object.WaitingFor = storedWaiting(&object)
	return object
}

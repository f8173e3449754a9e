package workers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"trackerfleet/bus"
	"trackerfleet/supervision"
	"trackerfleet/workers/source"
	"trackerfleet/workers/tracker"
)

// load brings back the trackers of partitions that were claimed just now, trying again until it has succeeded or the
// partitions are lost.
func (w *Worker) load(ctx context.Context, parts []*partition) {
	begun := time.Now()
	for attempt := 0; ; attempt++ {
		parts = stillLoading(parts)
		if len(parts) == 0 || w.draining.Load() {
			return
		}
		n, err := w.loadOnce(ctx, parts)
		if err == nil {
			w.log.Info("loaded partitions", zap.Int("partitions", len(parts)), zap.Int("trackers", n),
				zap.Duration("elapsed", time.Since(begun)))
			return
		}
		w.log.Warn("load partitions", zap.Error(err), zap.Int("attempt", attempt))
		var fenced *bus.FencedError
		if errors.As(err, &fenced) {
			w.fenced.add(bus.Holding{Partition: fenced.Partition, Epoch: fenced.Epoch})
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(min(w.cfg.Lease/10<<min(attempt, 6), 5*time.Second)):
		}
	}
}

func stillLoading(parts []*partition) []*partition {
	var left []*partition
	for _, p := range parts {
		if p.owned() && p.is(loading) {
			left = append(left, p)
		}
	}
	return left
}

func (w *Worker) loadOnce(ctx context.Context, parts []*partition) (trackers int, err error) {
	held := make([]bus.Holding, len(parts))
	tenures := make(map[int]tenure, len(parts))
	subjects := make([]string, len(parts))
	for i, p := range parts {
		tenures[p.number] = p.tenure()
		held[i] = p.holding()
		subjects[i] = bus.CursorSubject(p.number)
	}
	cursors, err := w.records.GetAll(ctx, subjects)
	if err != nil {
		return 0, err
	}
	for i, p := range parts {
		p.setCheckpoints(readCheckpoints(cursors[i]))
	}
	if trackers, err = w.restoreAll(ctx, w.records.Load(ctx, held...), tenures); err != nil {
		return trackers, err
	}
	for _, p := range parts {
		p.loaded(tenures[p.number])
	}
	return trackers, nil
}

// restoring is how many records may be read and not yet restored.
const restoring = 1024

// restoreAll restores records on as many goroutines as there are processors, while the next ones are read, and returns how many have a
// tracker now. It fails when reading does, and has restored what was read by then.
func (w *Worker) restoreAll(ctx context.Context, stored iter.Seq2[*bus.Record, error], tenures map[int]tenure) (int, error) {
	read := make(chan *bus.Record, restoring)
	var trackers atomic.Int64
	var all sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		all.Go(func() {
			for record := range read {
				if w.restore(ctx, record, tenures) {
					trackers.Add(1)
				}
			}
		})
	}
	var failed error
	for record, err := range stored {
		if failed = err; err != nil {
			break
		}
		read <- record
	}
	close(read)
	all.Wait()
	if failed == nil && ctx.Err() != nil { // what was read last may not be restored
		failed = context.Cause(ctx)
	}
	return int(trackers.Load()), failed
}

// readCheckpoints reads a partition's cursor. One that can't be read says nothing: everything is looked up again.
func readCheckpoints(record *bus.Record) map[string]source.Checkpoint {
	if record == nil {
		return nil
	}
	var stored struct {
		Sources map[string]source.Checkpoint `json:"sources"`
	}
	if json.Unmarshal(record.Data, &stored) != nil {
		return nil
	}
	return stored.Sources
}

// restore makes the tracker of a stored record and reports whether there is one now. A record that no tracker can be
// made of is noted with its reason, as parked, and stands in nobody's way.
func (w *Worker) restore(ctx context.Context, stored *bus.Record, tenures map[int]tenure) bool {
	record, err := decode(stored)
	if err != nil {
		id, p, ok := recordOwner(stored.Subject)
		if ok {
			w.partitions[p].strand(id, nil, err)
		}
		w.log.Error("record cannot be read, its transaction is parked", zap.String("subject", stored.Subject), zap.Error(err))
		return false
	}
	if record.Phase() == bus.PhaseFinished {
		return false
	}
	part := w.partitions[record.ID().Partition()]
	if part.hasFinished(record.ID()) { // after this was read
		return false
	}
	_, err = w.revive(ctx, part, tenures[part.number], record, stored.Revision)
	if interrupted(ctx, err) {
		return false
	}
	part.strand(record.ID(), record, err)
	if err != nil {
		w.log.Error("tracker cannot be restored, its transaction is parked",
			zap.String("transaction_id", record.ID().String()), zap.Error(err))
	}
	return err == nil
}

// revive starts the tracker of a record that was read in a tenure, or returns the one that is there.
func (w *Worker) revive(ctx context.Context, part *partition, t tenure, record *tracker.Record, revision uint64) (*cell, error) {
	profile, target, err := w.target(record.Source(), record.ID(), record.Params())
	if err != nil {
		return nil, err
	}
	epoch := part.epoch.Load()
	if !part.keeps(t) || epoch == 0 {
		return nil, errNotMine
	}
	c := newCell(part, profile, target)
	return w.startTracker(ctx, c, t, &commit{record.Owned(epoch, 1), revision}, w.clock.due(record.Deadline(), time.Now()))
}

// startTracker starts the supervised server of what was committed in a tenure, or returns the one that is there. One that is just
// ending is waited for. Due is when it expires, on the monotonic clock; the zero time: never. It fails with errNotMine when the tenure is
// over.
func (w *Worker) startTracker(ctx context.Context, c *cell, t tenure, stored *commit, due time.Time) (*cell, error) {
	record := stored.record
	c.commitLocked(record, stored.revision) // nobody else has the cell yet
	spec := supervision.ChildSpec{
		ID: record.ID().String(), Type: w.trackerType, Arg: c, Incarnation: record.Incarnation(),
		History: record.Crashes(), Parked: record.Phase() == bus.PhaseParked,
	}
	launched := false
	defer func() {
		if !launched { // whoever has seen it in the crew waits for it
			c.part.crew.dismiss(c)
			c.freed()
		}
	}()
	for c.part.enlist(c, t) {
		child, err := w.trackers.StartChild(ctx, spec)
		var taken *supervision.AlreadyStartedError
		switch {
		case errors.As(err, &taken):
			c.part.crew.dismiss(c)
			there := cellOf(taken.Child)
			if !there.over() || there.stored().revision > stored.revision {
				return there, nil
			}
			if err := there.awaitGone(ctx); err != nil {
				return nil, fmt.Errorf("workers: start tracker: %w", err)
			}
			continue
		case err != nil:
			c.end() // an Init that hangs may still return
			c.close()
			w.closeWatch(c, spec.ID)
			return nil, fmt.Errorf("workers: start tracker: %w", err)
		}
		launched = true
		cellOf(child)
		if spec.Parked {
			c.setAside()
		}
		c.planDeadline(due)
		if c.started() {
			w.finished.add(c)
		}
		if !c.part.keeps(t) { // given up while it started
			return nil, errNotMine
		}
		return c, nil
	}
	return nil, errNotMine
}

// interrupted reports whether err says nothing of the tracker that was to be started: it was ended meanwhile, or the worker is
// about to end, or ctx has.
func interrupted(ctx context.Context, err error) bool {
	switch {
	case err == nil:
		return false
	case errors.Is(err, errNotMine), errors.Is(err, supervision.ErrShutdown), errors.Is(err, supervision.ErrStopped):
		return true
	}
	return ctx.Err() != nil
}

// target finds the source profile of a start and has it understand the params.
func (w *Worker) target(name string, id bus.ID, params json.RawMessage) (*profile, source.Target, error) {
	p, ok := w.profiles[name]
	if !ok {
		return nil, source.Target{}, bus.Invalid(bus.Fault{Field: "source", Message: fmt.Sprintf("no source profile %q", name)})
	}
	target, err := w.parse(p, id, params)
	var faulty *source.ParamsError
	switch {
	case errors.As(err, &faulty):
		faults := make([]bus.Fault, len(faulty.Faults))
		for i, f := range faulty.Faults {
			faults[i] = bus.Fault(f)
		}
		return nil, source.Target{}, bus.Invalid(faults...)
	case err != nil:
		return nil, source.Target{}, bus.Invalid(bus.Fault{Field: "params", Message: err.Error()})
	}
	return p, target, nil
}

// parse has a source read params. They are anybody's, so a source that panics on them refuses them: no start may end a worker.
func (w *Worker) parse(p *profile, id bus.ID, params json.RawMessage) (target source.Target, err error) {
	defer func() {
		if v := recover(); v != nil {
			w.log.Error("source panics on params", zap.String("source", p.name), zap.String("transaction_id", id.String()),
				zap.Any("panic", v), zap.ByteString("stack", debug.Stack()))
			err = fmt.Errorf("the source %s cannot read them", p.name)
		}
	}()
	return p.source.Parse(id.String(), params)
}

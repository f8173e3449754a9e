package workers

import (
	"context"
	"errors"
	"sync"
	"time"

	"go.uber.org/zap"

	"trackerfleet/bus"
	"trackerfleet/workers/tracker"
)

// writeAnew writes what is held here, trying again until it is all written or ctx ends.
func (w *Worker) writeAnew(ctx context.Context, a *anew) {
	defer w.kickOwnership()
	begun, total := time.Now(), 0
	for attempt := 0; ctx.Err() == nil; attempt++ {
		n, err := w.writePartitions(ctx, a)
		if total += n; err == nil {
			w.log.Error("records were written again in the stream made anew; those of finished transactions are lost",
				zap.Int("trackers", total), zap.Int("partitions", len(a.before)), zap.Duration("elapsed", time.Since(begun)))
			a.state.Store(hasWritten)
			return
		}
		w.log.Warn("write records again", zap.Error(err), zap.Int("attempt", attempt))
		select {
		case <-ctx.Done():
		case <-time.After(min(w.cfg.Lease/10<<min(attempt, 6), 5*time.Second)):
		}
	}
	a.state.Store(toWrite)
}

// writePartitions writes the records of every tracker of the partitions that are held, then what the partitions know of sources
// and starts, and returns how many records it wrote.
func (w *Worker) writePartitions(ctx context.Context, a *anew) (int, error) {
	if err := w.startsEnded(ctx); err != nil {
		return 0, err
	}
	var parts []*partition
	for p := range a.before {
		parts = append(parts, w.partitions[p])
	}
	written, err := w.writeCells(ctx, w.cellsOf(parts))
	if err != nil {
		return written, err
	}
	for _, p := range parts {
		if n := p.countStranded(); n > 0 {
			w.log.Error("records that no tracker could be made of are lost", zap.Int("partition", p.number), zap.Int("records", n))
		}
		if err := w.writeMarks(ctx, p); err != nil {
			return written, err
		}
	}
	return written, nil
}

// startsEnded waits until no start is under way: what it has stored in the stream before is a tracker then.
func (w *Worker) startsEnded(ctx context.Context) error {
	ticker := time.NewTicker(w.cfg.Lease / 100)
	defer ticker.Stop()
	for w.starts.len() > 0 {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// cellsOf returns the trackers of partitions, those included that were stopped to be handed over.
func (w *Worker) cellsOf(parts []*partition) []*cell {
	var cells []*cell
	for _, p := range parts {
		cells = append(cells, p.crew.all()...)
	}
	return cells
}

// writeCells writes the committed record of each of cells and returns how many it wrote. One that is there already is adopted.
func (w *Worker) writeCells(ctx context.Context, cells []*cell) (int, error) {
	var (
		mu      sync.Mutex
		written int
		faults  []error
		pending sync.WaitGroup
	)
	note := func(wrote bool, err error) {
		mu.Lock()
		defer mu.Unlock()
		if wrote {
			written++
		}
		if err != nil && len(faults) < 3 {
			faults = append(faults, err)
		}
	}
	for _, c := range cells {
		if err := c.settled(ctx); err != nil {
			note(false, err)
			break
		}
		pending.Add(1)
		submitted, err := c.writeAgain(ctx, func(wrote bool, err error) {
			note(wrote, err)
			pending.Done()
		})
		if !submitted {
			pending.Done()
		}
		if err != nil {
			note(false, err)
			break
		}
	}
	pending.Wait()
	return written, errors.Join(faults...)
}

// writeAgain has the journal store the committed record where there must be none, and reports whether done will be called. A
// run that has finished is left out: its end was told.
func (c *cell) writeAgain(ctx context.Context, done func(wrote bool, err error)) (submitted bool, err error) {
	committed := c.stored()
	h := c.part.holding()
	if committed.record.Phase() == bus.PhaseFinished || h.Epoch == 0 || committed.revision > h.Epoch {
		return false, nil
	}
	write, err := c.part.worker.transition(h.Partition, h.Epoch, 0, tracker.Decision{Next: committed.record})
	if err != nil {
		return false, err
	}
	write.Done = func(r bus.Result) {
		var stale *bus.StaleError
		switch {
		case r.Err == nil:
			c.wroteAgain(committed.revision, r.Revision)
			done(true, nil)
		case errors.As(r.Err, &stale) && stale.Record != nil:
			done(false, c.adoptStored(stale.Record))
		case errors.Is(r.Err, bus.ErrFenced):
			done(false, nil) // another worker's; dropped before anything is decided
		default:
			done(false, r.Err)
		}
	}
	if err := c.part.worker.journal.Submit(ctx, write); err != nil {
		if errors.Is(err, bus.ErrFenced) {
			err = nil
		}
		return false, err
	}
	return true, nil
}

// wroteAgain notes the revision of what was written again, if nothing was committed since.
func (c *cell) wroteAgain(before, revision uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.revision == before {
		c.revision = revision
	}
}

// adoptStored goes on from a record that is in the stream already.
func (c *cell) adoptStored(stored *bus.Record) error {
	record, err := decode(stored)
	if err != nil {
		return err
	}
	c.adopt(record, stored.Revision)
	return nil
}

// writeMarks writes how far sources and, for the pump, the starts were followed.
func (w *Worker) writeMarks(ctx context.Context, p *partition) error {
	h := p.holding()
	if h.Epoch == 0 {
		return nil
	}
	if p.number == pumpPartition {
		if err := w.writeCursorAgain(ctx, p); err != nil && !errors.Is(err, bus.ErrFenced) {
			return err
		}
	}
	marks := p.allCheckpoints()
	if len(marks) == 0 {
		return nil
	}
	return w.saveCheckpoint(ctx, h, marks)
}

// writeCursorAgain writes how far this worker has pumped: without it every start that is not purged yet would be taken once
// more, and those that have finished since would be tracked again.
func (w *Worker) writeCursorAgain(ctx context.Context, p *partition) error {
	win := w.pump.window.Load()
	if win == nil || win.tenure != p.tenure() {
		return nil
	}
	done := make(chan error, 1)
	if err := w.submitCursor(ctx, win.low(), win, func(r bus.Result) { done <- r.Err }); err != nil {
		return err
	}
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

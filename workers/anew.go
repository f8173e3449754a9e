package workers

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"trackerfleet/bus"
)

// anew is how a worker moves to a stream TRACKER that was made in place of the one it stood on. The old one is gone with all
// records; what workers hold in memory is all that is left. So
//
//  1. every worker claims again what it held, and says under which epoch: of two that believe to have held a partition, of which
//     one was taken over and has not noticed, the later owner gets it, see [bus.Claims.Reclaim];
//  2. nobody writes more before every worker that lives has done so, and a lease has passed in which it could be heard: from then
//     on no owner can be put right by another;
//  3. each owner writes the records of its trackers, with the event numbers that they had, and then reads its partitions as
//     after any claim.
//
// Until then its trackers decide nothing, nothing is answered for them, and nothing is handed over.
type anew struct {
	ground  bus.Ground
	since   time.Time
	before  map[int]uint64 // by partition, the epoch under which what is in memory was proved
	claimed bool
	state   atomic.Uint32      // of the writing
	cancel  context.CancelFunc // ends the writing
}

// The states of writing.
const (
	toWrite = iota
	isWriting
	hasWritten
)

// stand reports whether this worker stands on the stream that there is. If that is another one than before it moves there, a
// step each round.
func (w *Worker) stand(ctx, run context.Context, o *ownership) (bool, error) {
	if w.ground.unsure() || w.frozen.Load() {
		if err := w.lookDown(ctx); err != nil {
			return false, err
		}
	}
	seen, stands, missing := w.ground.look()
	switch {
	case missing:
		return false, nil
	case stands.Is(seen):
		return true, nil
	case stands.Created.IsZero(): // at the start: nothing is held
		w.owners.forget(seen.First)
		w.ground.settle(seen)
		return true, nil
	case seen.First <= w.knownBefore(o, seen):
		w.ground.giveUp()
		w.fail(errAnew)
		return false, errAnew
	}
	if o.anew != nil && !o.anew.ground.Is(seen) && !o.anew.ended(w) {
		return false, nil
	}
	if o.anew == nil || !o.anew.ground.Is(seen) {
		w.beginAnew(o, seen)
	}
	return w.moveOn(ctx, run, o)
}

// knownBefore returns the highest sequence known of the streams before g.
func (w *Worker) knownBefore(o *ownership, g bus.Ground) uint64 {
	_, stands, _ := w.ground.look()
	known := max(stands.First, stands.Last)
	if o.anew != nil && o.anew.ground.Is(g) {
		return known // the epochs are g's by now
	}
	for _, p := range w.partitions {
		known = max(known, p.epoch.Load())
	}
	return known
}

// ended ends the writing in a stream that was itself taken the place of, and reports whether nothing of it is under way.
func (a *anew) ended(w *Worker) bool {
	a.cancel()
	for p := range a.before {
		if epoch := w.partitions[p].epoch.Load(); epoch != 0 {
			w.journal.Revoke(p, epoch)
		}
	}
	return a.state.Load() != isWriting
}

// beginAnew ends what was under way under the old epochs.
func (w *Worker) beginAnew(o *ownership, g bus.Ground) {
	before := make(map[int]uint64)
	for _, p := range w.partitions {
		epoch := p.epoch.Load()
		if epoch == 0 {
			continue
		}
		before[p.number] = epoch
		if o.anew != nil && o.anew.before[p.number] != 0 {
			before[p.number] = o.anew.before[p.number] // what was claimed since proves nothing before it is written
		}
		w.journal.Revoke(p.number, epoch)
	}
	w.owners.forget(g.First)
	o.anew = &anew{ground: g, since: time.Now(), before: before, cancel: func() {}}
	o.since = time.Now()
	w.log.Error("stream "+bus.StreamTracker+" was made anew: trackers wait until their records are written again",
		zap.Int("partitions", len(before)), zap.Int("trackers", w.trackers.CountChildren().Total()),
		zap.Uint64("first_sequence", g.First))
}

// moveOn makes the next step, if it can be made, and reports whether it was the last.
func (w *Worker) moveOn(ctx, run context.Context, o *ownership) (bool, error) {
	a := o.anew
	if !a.claimed {
		if err := w.claimAgain(ctx, a); err != nil {
			return false, err
		}
		a.claimed = true
		w.ground.claim(a.ground)
	}
	switch a.state.Load() {
	case toWrite:
		if time.Since(a.since) < w.cfg.Lease || !w.allStand(a.ground) {
			return false, nil
		}
		var writing context.Context
		writing, a.cancel = context.WithCancel(run)
		a.state.Store(isWriting)
		o.loads.Go(func() { w.writeAnew(writing, a) })
	case hasWritten:
		return w.arrive(ctx, run, o)
	}
	return false, nil
}

// allStand reports whether every worker that lives has claimed what it held in a stream.
func (w *Worker) allStand(g bus.Ground) bool {
	for _, p := range w.pulse.Live() {
		if !p.Stands.Equal(g.Created) {
			return false
		}
	}
	return true
}

// claimAgain claims what is held here. What is another's by now is dropped.
func (w *Worker) claimAgain(ctx context.Context, a *anew) error {
	held := make([]bus.Owner, 0, len(a.before))
	for p, epoch := range a.before {
		held = append(held, bus.Owner{Partition: p, Epoch: epoch})
	}
	won, lost, err := w.claims.Reclaim(ctx, w.cfg.Name, w.incarnation, held...)
	w.owners.learn(won...)
	w.owners.learn(lost...)
	for _, o := range won {
		w.partitions[o.Partition].epoch.Store(o.Epoch)
	}
	gone := make([]*partition, 0, len(lost))
	for _, o := range lost {
		delete(a.before, o.Partition)
		gone = append(gone, w.partitions[o.Partition])
	}
	w.drop(gone...)
	if err != nil {
		return fmt.Errorf("workers: claim again: %w", err)
	}
	return nil
}

// arrive makes the stream the one that this worker stands on: its trackers decide again.
func (w *Worker) arrive(ctx, run context.Context, o *ownership) (bool, error) {
	owners, err := w.claims.Owners(ctx) // if nobody has claimed anything since, nobody has written
	if err != nil {
		return false, err
	}
	w.owners.learn(owners...)
	if err := w.settleFenced(ctx); err != nil {
		return false, err
	}
	var parts []*partition
	for p := range o.anew.before {
		if part := w.partitions[p]; part.owned() && !part.is(leaving) {
			part.forgetStranded()
			part.enter(loading)
			parts = append(parts, part)
		}
	}
	w.ground.settle(o.anew.ground)
	w.frozen.Store(false)
	o.anew, o.frozen, o.since = nil, false, time.Now()
	w.log.Warn("stands on the stream made anew", zap.Int("partitions", len(parts)))
	o.loads.Go(func() {
		w.load(run, parts)
		w.kickOwnership()
	})
	return true, nil
}

// mayTakeAbsent reports whether a partition without an owner record is free. In a stream that was made anew it may still be
// held by a worker that has not claimed it again.
func (w *Worker) mayTakeAbsent(o *ownership) bool {
	_, stands, _ := w.ground.look()
	return stands.First == 0 || time.Since(o.since) >= w.cfg.Lease && w.allStand(stands)
}

// tellLost says which of the partitions that were won nobody held any more when the stream was made anew.
func (w *Worker) tellLost(plan, won []bus.Owner) {
	_, stands, _ := w.ground.look()
	if stands.First == 0 {
		return
	}
	absent := make(map[int]bool)
	for _, o := range plan {
		absent[o.Partition] = o.Epoch == 0
	}
	n := 0
	for _, o := range won {
		if absent[o.Partition] {
			n++
		}
	}
	if n > 0 {
		w.log.Error("partitions had no owner left when stream "+bus.StreamTracker+" was made anew: what was tracked in them is lost",
			zap.Int("partitions", n))
	}
}

// forget forgets everything that was learnt of a stream whose place one that begins with first has taken.
func (t *ownerTable) forget(first uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.owners, t.known, t.least = [bus.Partitions]bus.Owner{}, false, first
}

package workers

import (
	"context"
	"fmt"
	"slices"
	"time"

	"go.uber.org/zap"

	"trackerfleet/bus"
	"trackerfleet/workers/source"
)

// handOverPause is for how long no tracker of a go ends before it goes on without the partitions of those that are left;
// handOverTimeout bounds those: longer than a tracker that hangs is given to end.
const (
	handOverPause   = 100 * time.Millisecond
	handOverTimeout = 15 * time.Second
)

// handing is partitions on their way to another worker, or to anybody: their trackers stop deciding, what they have decided is
// written, the heights are saved, and the partitions are released. Meanwhile requests are answered from records.
type handing struct {
	to      string // empty: anybody
	begun   time.Time
	held    []bus.Owner                  // the partitions, as they are owned
	follows []bus.Holding                // those of them whose trackers miss nothing that the sources hand over
	reached map[string]source.Checkpoint // by their sources, before trackers leave observations undecided
	cells   []*cell                      // their trackers
}

// beginHandOver has the trackers of partitions end.
func (w *Worker) beginHandOver(to string, parts []*partition) *handing {
	h := &handing{to: to, begun: time.Now()}
	h.follows = followed(parts) // what is still loading, or was stopped already, is not
	for _, p := range parts {
		p.enter(leaving)
		h.held = append(h.held, bus.Owner{
			Partition: p.number, Epoch: p.epoch.Load(), Worker: w.cfg.Name, Incarnation: w.incarnation, State: bus.Owned,
		})
	}
	h.reached = w.reached()
	// Before the trackers end: those that do not follow their source hold nothing back then.
	h.follows = slices.DeleteFunc(h.follows, func(f bus.Holding) bool { return w.partitions[f.Partition].heldBack() })
	h.cells = w.endTrackers(parts)
	return h
}

// awaitGone waits until the trackers are gone, as long as some are each patience, and returns by partition which of them still are
// there then, or when ctx ends.
func (h *handing) awaitGone(ctx context.Context, patience time.Duration) map[int][]*cell {
	left := h.cells
	for {
		before := len(left)
		left = stillThere(ctx, left, patience)
		if len(left) == 0 || len(left) == before || ctx.Err() != nil {
			break
		}
	}
	late := make(map[int][]*cell)
	for _, c := range left {
		late[c.part.number] = append(late[c.part.number], c)
	}
	return late
}

// stillThere returns the trackers that are not gone after patience, or when ctx ends.
func stillThere(ctx context.Context, cells []*cell, patience time.Duration) (left []*cell) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for _, c := range cells {
		if !c.isGone() && c.awaitGone(ctx) != nil {
			left = append(left, c)
		}
	}
	return slices.DeleteFunc(left, (*cell).isGone)
}

// split takes the partitions of trackers that are late out of h and returns them by themselves, nil if there are none.
func (h *handing) split(late map[int][]*cell) *handing {
	if len(late) == 0 {
		return nil
	}
	rest := *h
	rest.held, rest.follows, rest.cells = nil, nil, nil
	for _, o := range h.held {
		if cells := late[o.Partition]; cells != nil {
			rest.held = append(rest.held, o)
			rest.cells = append(rest.cells, cells...)
		}
	}
	for _, f := range h.follows {
		if late[f.Partition] != nil {
			rest.follows = append(rest.follows, f)
		}
	}
	h.held = slices.DeleteFunc(h.held, func(o bus.Owner) bool { return late[o.Partition] != nil })
	h.follows = slices.DeleteFunc(h.follows, func(f bus.Holding) bool { return late[f.Partition] != nil })
	return &rest
}

// handOverLate gives partitions away whose trackers take their time, while others are given away: a drain takes as long as the
// slowest, and not as all of them. Should it fail the next round tries again.
func (w *Worker) handOverLate(run context.Context, h *handing) {
	ctx, cancel := context.WithTimeout(run, handOverTimeout)
	defer cancel()
	h.awaitGone(ctx, handOverTimeout)
	if err := w.finishHandOver(ctx, h); err != nil && run.Err() == nil {
		w.log.Warn("hand over late", zap.Error(err))
	}
	w.setHanding(h, false)
	w.kickOwnership()
}

// setHanding keeps the rounds to come from partitions, or lets them see to them again.
func (w *Worker) setHanding(h *handing, on bool) {
	for _, o := range h.held {
		w.partitions[o.Partition].handing.Store(on)
	}
}

// finishHandOver writes what was decided, and releases the partitions.
func (w *Worker) finishHandOver(ctx context.Context, h *handing) error {
	if len(h.held) == 0 {
		return nil
	}
	numbers := make([]int, len(h.held))
	for i, o := range h.held {
		numbers[i] = o.Partition
	}
	w.saveCheckpoints(ctx, h.follows, h.reached)
	if err := w.journal.Flush(ctx, numbers...); err != nil {
		return fmt.Errorf("workers: hand over: %w", err)
	}
	released, lost, err := w.claims.Release(ctx, h.to, h.held...)
	w.owners.learn(released...)
	w.owners.learn(lost...)
	for _, o := range released {
		w.vacate(o.Partition, h.held)
	}
	for _, o := range lost {
		switch {
		case o.HeldBy(w.cfg.Name, w.incarnation): // it was claimed anew, after a freeze
		case ofAnother(o): // the stream was made anew: what was stopped is nowhere else
			w.ground.doubt()
		default:
			w.vacate(o.Partition, h.held)
		}
	}
	if err != nil {
		return fmt.Errorf("workers: hand over: %w", err)
	}
	w.log.Info("handed partitions over", zap.Int("partitions", len(released)), zap.String("to", h.to),
		zap.Duration("elapsed", time.Since(h.begun)))
	w.stats.handOvers.Add(uint64(len(released)))
	return nil
}

// vacate forgets a partition that another worker may own from now on, unless it is not held any more as it was.
func (w *Worker) vacate(number int, held []bus.Owner) {
	i := slices.IndexFunc(held, func(o bus.Owner) bool { return o.Partition == number })
	p, epoch := w.partitions[number], held[i].Epoch
	if epoch == 0 || !p.epoch.CompareAndSwap(epoch, 0) {
		return
	}
	w.journal.Revoke(number, epoch)
	w.silence([]*partition{p})
	p.reset()
	p.enter(vacant)
}

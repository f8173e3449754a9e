package workers

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"go.uber.org/zap"

	"trackerfleet/bus"
	"trackerfleet/workers/source"
)

// runCheckpoints saves, now and then, up to where the sources were followed.
func (w *Worker) runCheckpoints(ctx context.Context) error {
	ticker := time.NewTicker(w.cfg.CheckpointEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-ticker.C:
		}
		before := followed(w.partitions[:])
		reached := w.reached()
		if !w.isFrozen() {
			w.saveCheckpoints(ctx, lasting(before, followed(w.partitions[:])), reached)
		}
	}
}

// followed returns the holdings of those partitions of which every tracker is here and follows its source: what that hands over
// goes to all of them.
func followed(parts []*partition) []bus.Holding {
	var held []bus.Holding
	for _, p := range parts {
		h := p.holding() // before the state: an epoch that has ended writes nothing
		if h.Epoch != 0 && p.is(serving) && !p.heldBack() {
			held = append(held, h)
		}
	}
	return held
}

// lasting returns those of before that are held now, too: for them it is true what was reached in between. Others may have come, and
// were not told everything, or are being given up, and no longer hold back what is not stored.
func lasting(before, now []bus.Holding) []bus.Holding {
	return slices.DeleteFunc(before, func(h bus.Holding) bool { return !slices.Contains(now, h) })
}

// reached returns, by source profile, up to which height everything was handed over and all that came of it is stored.
func (w *Worker) reached() map[string]source.Checkpoint {
	reached := make(map[string]source.Checkpoint, len(w.profiles))
	for name, p := range w.profiles {
		// In this order: what is handed over after the checkpoint was read is above it.
		at := p.source.Checkpoint()
		if low := p.mark.below(at.Height); low < at.Height {
			at = source.Checkpoint{Height: low}
		}
		if at.Height > 0 {
			reached[name] = at
		}
	}
	return reached
}

// saveCheckpoints has the journal store for each partition what was reached. Where nothing has moved nothing is written. A
// full journal is waited for until ctx ends. Losing one costs look-ups, no truth.
func (w *Worker) saveCheckpoints(ctx context.Context, held []bus.Holding, reached map[string]source.Checkpoint) {
	for _, h := range held {
		next, moved := w.partitions[h.Partition].advance(reached)
		if !moved {
			continue
		}
		if err := w.saveCheckpoint(ctx, h, next); err != nil {
			w.log.Warn("save checkpoint", zap.Int("partition", h.Partition), zap.Error(err))
			return
		}
	}
}

// advance returns the checkpoints of a partition with those that were reached, and whether any has moved.
func (p *partition) advance(reached map[string]source.Checkpoint) (next map[string]source.Checkpoint, moved bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	next = make(map[string]source.Checkpoint, len(reached))
	for name, at := range p.checkpoints {
		next[name] = at
	}
	if p.heldBackLocked() {
		return next, false
	}
	for name, at := range reached {
		if at.Height > next[name].Height {
			next[name], moved = at, true
		}
	}
	return next, moved
}

func (w *Worker) saveCheckpoint(ctx context.Context, h bus.Holding, next map[string]source.Checkpoint) error {
	body, err := json.Marshal(struct {
		Sources map[string]source.Checkpoint `json:"sources"`
	}{next})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	err = w.journal.Submit(ctx, bus.Write{
		Partition: h.Partition, Epoch: h.Epoch, Unconditional: true,
		State: bus.Message{Subject: bus.CursorSubject(h.Partition), Data: body},
		Done: func(r bus.Result) {
			if r.Err == nil {
				w.partitions[h.Partition].setCheckpoints(next)
			}
		},
	})
	if errors.Is(err, bus.ErrFenced) {
		return nil // another worker's business now
	}
	return err
}

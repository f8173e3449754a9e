package workers

import (
	"context"
	"encoding/json"
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
		var parts []*partition
		for _, p := range w.partitions {
			if p.owned() && p.is(serving) {
				parts = append(parts, p)
			}
		}
		w.saveCheckpoints(parts, w.reached())
	}
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

// saveCheckpoints has the journal store for each partition what was reached. Where nothing has moved nothing is written.
// Losing one costs look-ups, no truth.
func (w *Worker) saveCheckpoints(parts []*partition, reached map[string]source.Checkpoint) {
	for _, p := range parts {
		if next, moved := p.advance(reached); moved {
			w.saveCheckpoint(p, next)
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
	for name, at := range reached {
		if at.Height > next[name].Height {
			next[name], moved = at, true
		}
	}
	return next, moved
}

func (w *Worker) saveCheckpoint(p *partition, next map[string]source.Checkpoint) {
	body, err := json.Marshal(struct {
		Sources map[string]source.Checkpoint `json:"sources"`
	}{next})
	if err != nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), requestTimeout)
	defer cancel()
	err = w.journal.Submit(ctx, bus.Write{
		Partition: p.number, Epoch: p.epoch.Load(), Unconditional: true,
		State: bus.Message{Subject: bus.CursorSubject(p.number), Data: body},
		Done: func(r bus.Result) {
			if r.Err == nil {
				p.setCheckpoints(next)
			}
		},
	})
	if err != nil {
		w.log.Warn("save checkpoint", zap.Int("partition", p.number), zap.Error(err))
	}
}

package workers

import (
	"context"
	"time"

	"go.uber.org/zap"

	"trackerfleet/workers/source"
)

// degradedEvery is how soon the log says that a source is degraded, or no more so.
const degradedEvery = time.Second

// watchSources says once when a source can't be followed any more, and once when it can again. Trackers say nothing of it: it
// decides nothing for them.
func (w *Worker) watchSources(ctx context.Context) error {
	ticker := time.NewTicker(degradedEvery)
	defer ticker.Stop()
	for {
		w.sayDegraded()
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-ticker.C:
		}
	}
}

// sayDegraded logs what has changed since it was called before.
func (w *Worker) sayDegraded() {
	for name, p := range w.profiles {
		h := p.source.Health()
		p.noteOutage(h, time.Now())
		if h.Degraded == p.degraded {
			continue
		}
		p.degraded = h.Degraded
		if h.Degraded {
			w.log.Warn("source degraded", zap.String("source", name), zap.String("reason", h.Error))
		} else {
			w.log.Info("source recovered", zap.String("source", name))
		}
	}
}

// noteOutage keeps since when the source cannot be followed, and the newest reason, for those who look a tracker up.
func (p *profile) noteOutage(h source.Health, now time.Time) {
	if !h.Degraded {
		p.outage.Store(nil)
		return
	}
	next := outage{since: now, reason: h.Error}
	if was := p.outage.Load(); was != nil {
		if was.reason == next.reason {
			return
		}
		next.since = was.since
	}
	p.outage.Store(&next)
}

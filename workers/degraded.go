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
		w.sayDegraded(time.Now())
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-ticker.C:
		}
	}
}

// sayDegraded logs what has changed since it was called before.
func (w *Worker) sayDegraded(now time.Time) {
	for name, p := range w.profiles {
		h := p.source.Health()
		p.noteOutage(h, now)
		switch p.condition.see(h.Degraded, now) {
		case worse:
			w.log.Warn("source degraded", zap.String("source", name), zap.String("reason", h.Error))
		case better:
			w.log.Info("source recovered", zap.String("source", name))
		}
	}
}

// A source has recovered when it has been well for calmBase. After a relapse, one within relapseWithin of that, it is twice as long, up
// to calmCap, so that one that comes and goes is not told of each time.
const (
	calmBase      = 2 * time.Second
	calmCap       = 5 * time.Minute
	relapseWithin = 15 * time.Minute
)

// news is what there is to say of a source.
type news int

const (
	unchanged news = iota
	worse          // it is degraded
	better         // it has recovered
)

// condition is how a source is, as the log has it. It reads no clock. The zero value is well.
type condition struct {
	degraded bool
	well     time.Time     // since when, while the log has it degraded; else when that was said to be over
	calm     time.Duration // for how long it must be well to have recovered
}

// see takes in how the source is now and returns what there is to say of it.
func (c *condition) see(degraded bool, now time.Time) news {
	switch {
	case degraded && !c.degraded:
		if !c.well.IsZero() && now.Sub(c.well) < relapseWithin {
			c.calm = min(2*c.calm, calmCap)
		} else {
			c.calm = calmBase
		}
		c.degraded, c.well = true, time.Time{}
		return worse
	case degraded:
		c.well = time.Time{}
	case c.degraded && c.well.IsZero():
		c.well = now
	case c.degraded && now.Sub(c.well) >= c.calm:
		c.degraded, c.well = false, now
		return better
	}
	return unchanged
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

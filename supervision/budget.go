package supervision

import (
	"sync"
	"time"
)

// RestartBudget paces the restarts of all children together, so that a mass crash does not become a stampede: at most
// Restarts at once and Restarts per Period in the long run. What exceeds it waits; it is never parked for it. The zero value is
// 5,000 per second. Negative Restarts means no limit.
type RestartBudget struct {
	Restarts int
	Period   time.Duration
}

const (
	defaultBudget       = 5000
	defaultBudgetPeriod = time.Second
)

// pace is a leaky bucket: empty is the time at which it will have run dry.
type pace struct {
	interval  time.Duration // per restart; 0 is no limit
	tolerance time.Duration

	mu    sync.Mutex
	empty time.Time
}

func newPace(b RestartBudget) *pace {
	if b.Restarts < 0 {
		return &pace{}
	}
	if b.Restarts == 0 {
		b.Restarts = defaultBudget
	}
	if b.Period == 0 {
		b.Period = defaultBudgetPeriod
	}
	interval := max(b.Period/time.Duration(b.Restarts), 1)
	return &pace{interval: interval, tolerance: interval * time.Duration(b.Restarts-1)}
}

// reserve gives the caller, whose restart is due at now, its turn and returns how long to wait for it.
func (p *pace) reserve(now time.Time) time.Duration {
	if p.interval == 0 {
		return 0
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.empty.Before(now) {
		p.empty = now
	}
	wait := p.empty.Sub(now) - p.tolerance
	p.empty = p.empty.Add(p.interval)
	return max(wait, 0)
}

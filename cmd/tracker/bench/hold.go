package bench

import (
	"context"
	"time"
)

// gcEvery is how often is looked whether the collector was at work: never twice between two looks.
const gcEvery = 100 * time.Millisecond

// hold measures what idle trackers cost: memory of the process while nothing is asked of them, and what lives of the heap after it was
// collected.
func (r *run) hold(ctx context.Context, before state) error {
	n := float64(len(r.ids))
	idle, err := r.settle(ctx, before.running+n)
	if err != nil {
		return err
	}
	began := time.Now()
	if err := pause(ctx, r.Plan.Hold); err != nil {
		return err
	}
	after, err := r.settle(ctx, before.running+n)
	if err != nil {
		return err
	}
	r.result.Phases = append(r.result.Phases, phase("hold", len(r.ids), time.Since(began)))
	r.result.RSSBytesPerTracker = (after.rss - before.rss) / n
	r.result.GCCPUShare = share(after.gcSeconds-idle.gcSeconds, after.cpuSeconds-idle.cpuSeconds)
	collected, longest, err := r.collect(ctx)
	r.result.HeapBytesPerTracker, r.result.GCMaxPauseMS = (collected.heap-before.heap)/n, 1000*longest
	return err
}

// collect has the worker's heap collected from beginning to end, by looking trackers up until the collector has been there twice, and
// returns how everything stands then and the longest time that the process was stopped. The first of the two may have begun before.
func (r *run) collect(ctx context.Context) (now state, longest float64, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	garbage := make(chan error, 1)
	go func() { garbage <- r.litter(ctx) }()
	defer func() {
		cancel()
		if failed := <-garbage; err == nil {
			err = failed
		}
	}()
	began, err := r.read(ctx)
	for now = began; err == nil && now.collections < began.collections+2; {
		r.Report(Progress{"collect", int(now.collections - began.collections), 2})
		last := now
		if err = pause(ctx, gcEvery); err == nil {
			now, err = r.read(ctx)
			longest = max(longest, now.paused-last.paused)
		}
	}
	return now, longest, err
}

// litter looks trackers up until ctx ends, which is no error.
func (r *run) litter(ctx context.Context) error {
	for ctx.Err() == nil {
		if _, _, err := r.lookUps(ctx, gcEvery); err != nil && ctx.Err() == nil {
			return err
		}
	}
	return nil
}

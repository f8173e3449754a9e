package bench

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"time"
)

const (
	// settleEvery is how often memory is looked at until it has settled: it has not changed by more than a hundredth, or by settleSlack
	// bytes, while the worker was left idle for as long as the plan says. settleLimit is how long at most; what a burst has left is given
	// back within half a minute.
	settleEvery, settleLimit, settleSlack = 500 * time.Millisecond, 2 * time.Minute, 2e6
	// gcEvery is how often is looked whether the collector was at work: never twice between two looks.
	gcEvery = 100 * time.Millisecond
)

// hold measures what idle trackers cost: memory of the process while nothing is asked of them, and what lives of the heap after it was
// collected.
func (r *run) hold(ctx context.Context) error {
	n := float64(len(r.ids))
	began := time.Now()
	if _, err := r.settle(ctx, r.before.running+n); err != nil {
		return err
	}
	idle, err := r.read(ctx)
	if err != nil {
		return err
	}
	if err := pause(ctx, r.Plan.Hold); err != nil {
		return err
	}
	after, err := r.read(ctx)
	if err != nil {
		return err
	}
	r.result.Phases = append(r.result.Phases, phase("hold", len(r.ids), time.Since(began)))
	r.result.RSSBytesPerTracker = (after.rss - r.before.rss) / n
	server, err := r.serverRSS(ctx)
	if err != nil {
		return err
	}
	r.result.ServerRSSBytesPerTracker = (server - r.server) / n
	collected, longest, err := r.collect(ctx)
	r.result.HeapBytesPerTracker, r.result.GCMaxPauseMS = (collected.heap-r.before.heap)/n, 1000*longest
	r.result.GCCPUShare = idleShare(idle, after, collected)
	return err
}

// forcedEvery is how often the runtime collects when nothing else has it do so.
const forcedEvery = 2 * time.Minute

// idleShare returns the collector's share of the CPUs from idle to after. If it did not run then, the runtime has counted no CPU time
// either, and it is the share of one collection, of those from then to collected, every forcedEvery.
func idleShare(idle, after, collected state) float64 {
	if after.collections > idle.collections {
		return share(after.gcSeconds-idle.gcSeconds, after.cpuSeconds-idle.cpuSeconds)
	}
	each := share(collected.gcSeconds-after.gcSeconds, collected.collections-after.collections)
	return each / (forcedEvery.Seconds() * float64(runtime.GOMAXPROCS(0)))
}

// settle waits until the worker has that many trackers, or any if 0, and its memory has settled or does not settle.
func (r *run) settle(ctx context.Context, trackers float64) (state, error) {
	began := time.Now()
	since, then := began, state{}
	for {
		now, err := r.read(ctx)
		if err != nil {
			return now, err
		}
		there := trackers == 0 || now.running == trackers
		if !there || math.Abs(now.rss-then.rss) > max(then.rss/100, settleSlack) {
			since, then = time.Now(), now
		}
		late := time.Since(began) > settleLimit
		if there && (late || time.Since(since) >= r.Plan.Hold) {
			return now, nil
		}
		if late {
			return now, fmt.Errorf("bench: %.0f trackers run, not %.0f", now.running, trackers)
		}
		r.Report(Progress{"settle", int(now.running), len(r.ids)})
		if err := pause(ctx, settleEvery); err != nil {
			return now, err
		}
	}
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

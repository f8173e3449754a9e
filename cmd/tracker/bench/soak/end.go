package soak

import (
	"context"
	"fmt"
	"time"

	"trackerfleet/bus"
)

const (
	// quiet is how long nothing may end until what has not ended is given up.
	quiet = time.Minute
	// look is how often is looked whether something is over.
	look = time.Second
)

// finish ends all trackers, and waits for the events that say so.
func (s *soak) finish(ctx context.Context) error {
	for began := time.Now(); s.ledger.waiting() > 0 && time.Since(began) < quiet; { // what was published is in a stream at first
		if err := pause(ctx, look/10); err != nil {
			return err
		}
	}
	numbers := s.ledger.alive(time.Now())
	for from := 0; from < len(numbers); from += chunk {
		s.report("finish", from, len(numbers))
		s.stop(ctx, numbers[from:min(from+chunk, len(numbers))], endings)
	}
	last, since := 0, time.Now()
	for {
		open, _ := s.ledger.open()
		if open == 0 || open == last && time.Since(since) > quiet {
			return context.Cause(ctx)
		}
		if open != last {
			last, since = open, time.Now()
		}
		s.report("finish", len(numbers)-open, len(numbers))
		if err := pause(ctx, look); err != nil {
			return err
		}
	}
}

// forget waits until the server has forgotten all that has ended, and sees what is left.
func (s *soak) forget(ctx context.Context) error {
	began := time.Now()
	for {
		state, err := s.state(ctx, bus.StreamTracker)
		if err != nil {
			return err
		}
		s.left = max(0, int(state.Msgs)-int(s.least))
		passed := time.Since(began)
		s.report("forget", int(passed.Seconds()), int(s.Plan.Retention.Seconds()))
		if s.left == 0 || passed > s.Plan.Retention+2*margin {
			break
		}
		if err := pause(ctx, look); err != nil {
			return err
		}
	}
	var err error
	sampler := &sampler{soak: s, began: began, at: began}
	s.last, err = sampler.sample(ctx)
	return err
}

// result judges.
func (s *soak) result() (Result, error) {
	p := s.Plan
	r := Result{
		Trackers: p.Trackers, Seconds: p.For.Seconds(), WarmUp: p.warmUp().Seconds(), Churn: p.Churn, Retention: p.Retention.Seconds(),
		Tolerance: p.Tolerance, Counts: s.ledger.counted(), Faults: s.ledger.firstFaults(), Series: thin(s.samples, seriesLength), Held: true,
	}
	var warm []Sample
	for _, v := range s.samples {
		if v.Seconds >= r.WarmUp {
			warm = append(warm, v)
		}
	}
	if len(warm) < leastSamples {
		return Result{}, fmt.Errorf("soak: measured %d times after the warm-up, at least %d are needed: measuring takes longer than %v",
			len(warm), leastSamples, p.Sample)
	}
	for _, f := range allSeries(p.Churn*messagesEach, s.Server != nil) {
		r.Figures = append(r.Figures, f.judge(warm, p.Tolerance))
	}
	r.Promises = s.promises(r, warm)
	for _, f := range r.Figures {
		r.Held = r.Held && f.Held
	}
	for _, p := range r.Promises {
		r.Held = r.Held && p.Held
	}
	return r, nil
}

// messagesEach is how many messages the journal writes for a tracker from its start to its end, more or less.
const messagesEach = 8

// promises returns what holds all the time.
func (s *soak) promises(r Result, warm []Sample) []Promise {
	unfinished, down := s.ledger.open()
	lowest, highest := warm[0].Trackers, warm[0].Trackers
	for _, v := range warm {
		lowest, highest = min(lowest, v.Trackers), max(highest, v.Trackers)
	}
	n := float64(s.Plan.Trackers)
	span := warm[len(warm)-1].Seconds - warm[0].Seconds
	churned := 0.0
	for _, v := range warm {
		churned += v.StartsPerSecond
	}
	churned /= float64(len(warm))
	goroutines := s.samples[0].WorkerGoroutines
	return []Promise{
		{"trackers alive stay as many", lowest > 0.9*n && highest < 1.1*n, fmt.Sprintf("%.0f to %.0f", lowest, highest)},
		{"churn was kept up", churned > 0.9*s.Plan.Churn, fmt.Sprintf("%.0f starts a second of %.0f, for %.0f s", churned, s.Plan.Churn, span)},
		{"every request was answered as asked", r.Failed == 0, fmt.Sprintf("%d were not", r.Failed)},
		{"every answer and event is right", r.Wrong == 0 && (r.Lookups > 0 || s.Plan.Lookups == 0), fmt.Sprintf("%d lookups, of which %d stale, %d events, %d wrong", r.Lookups, r.Stale, r.Events, r.Wrong)},
		{"every accepted start has one final event", unfinished == 0, fmt.Sprintf("%d started, %d without", r.Started, unfinished)},
		{"every crashed tracker came back or ended", down == 0, fmt.Sprintf("%d crashed, %d did not", r.Crashed, down)},
		{"the server forgets all that has ended", s.left == 0, fmt.Sprintf("%d messages left", s.left)},
		{"no goroutine is left over", s.last.WorkerGoroutines <= goroutines+20, fmt.Sprintf("%.0f, of %.0f at the beginning", s.last.WorkerGoroutines, goroutines)},
	}
}

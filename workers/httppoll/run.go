package httppoll

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime/debug"
	"sync"
	"time"
)

// idle is how long Run waits when nothing is to be asked for.
const idle = time.Hour

// Run asks the provider until ctx ends and returns the cause of ctx. Trouble outside never ends it; it shows in Health. A
// second Run at the same time fails with [ErrRunning]; a panic of an observer ends it with an error.
func (s *Source) Run(ctx context.Context) error {
	if !s.enter() {
		return ErrRunning
	}
	ctx, cancel := context.WithCancelCause(ctx)
	var flights sync.WaitGroup
	defer func() {
		cancel(nil)
		flights.Wait()
		s.client.CloseIdleConnections()
		s.exit()
	}()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for ctx.Err() == nil {
		t, wait := s.next(time.Now())
		if t != nil {
			flights.Go(func() { s.fly(ctx, t, cancel) })
			continue
		}
		timer.Reset(wait)
		select {
		case <-ctx.Done():
		case <-s.bell:
		case <-timer.C:
		}
	}
	return context.Cause(ctx)
}

func (s *Source) enter() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	was := s.running
	s.running = true
	return !was
}

func (s *Source) exit() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.running = false
}

// next returns a task to ask for now, which flies until landed is called; or nil, and how long there will be none unless the
// bell rings.
func (s *Source) next(now time.Time) (t *task, wait time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	slots := s.cfg.Concurrency
	t = s.queue.next()
	if s.gate.probing() {
		slots, t = 1, s.queue.nextBut(s.lastBad)
	}
	if t == nil || s.flying >= slots {
		return nil, idle
	}
	due := s.gate.until
	if !s.gate.probing() { // a probe is for the account, not for the transaction
		due = max(due, t.at)
	}
	if wait := due - s.clock(now); wait > 0 {
		return nil, min(time.Duration(wait), idle)
	}
	permit := s.limiter.ReserveN(now, 1)
	if wait := permit.DelayFrom(now); wait > 0 {
		permit.CancelAt(now)
		return nil, wait
	}
	s.queue.remove(t)
	t.flying = true
	s.flying++
	return t, 0
}

// fly asks for a task. A panic, which can only be an observer's, ends Run.
func (s *Source) fly(ctx context.Context, t *task, end context.CancelCauseFunc) {
	defer s.landed(t)
	defer func() {
		if r := recover(); r != nil {
			end(fmt.Errorf("httppoll: panic: %v\n%s", r, debug.Stack()))
		}
	}()
	url, etag := s.address(t)
	begun := time.Now()
	a := s.fetch(ctx, url, etag)
	if ctx.Err() != nil {
		return
	}
	now := time.Now()
	s.finish(t, s.read(a, now), now, now.Sub(begun))
}

// address returns where to ask for a task, and the tag of the answer there is.
func (s *Source) address(t *task) (url, etag string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.report.calls++
	if t.page != nil {
		return s.template.fill(t.page.values), t.etag
	}
	return s.template.fill(t.watch.key), t.etag
}

// finish notes what came of asking for a task, tells those who watch, and plans the next time.
func (s *Source) finish(t *task, r reading, now time.Time, took time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := s.clock(now)
	s.report.note(r, now, took)
	switch r.outcome {
	case paced:
		s.gate.paced(at, r.pause, r.asked, &s.cfg)
	case refused:
		s.gate.refused(at, r.code, &s.cfg)
	case useless:
		s.gate.failed(at, &s.cfg)
	case useful:
		s.gate.passed()
	}
	if t.closed {
		return
	}
	if s.lastBad = t; r.outcome == useful {
		s.lastBad = nil
	}
	moved := false
	if r.outcome == useful {
		t.last = at
		if !r.same {
			t.etag = r.etag
		}
		if t.joined { // an answer that is as before would not say where those are who came meanwhile
			t.etag, t.step, t.joined = "", 0, false
		}
		if t.page != nil {
			moved = t.page.tell(r, s.cfg.List.Complete, now)
		} else {
			moved = t.watch.tell(r.said(t.watch), now)
		}
	}
	s.plan(t, at, moved)
}

// plan has a task that was answered be due again. An answer out of turn leaves the intervals as they are. After an end there
// is nothing to look for: who watches will close.
func (s *Source) plan(t *task, now int64, moved bool) {
	last := uint8(len(s.cfg.Intervals))
	switch {
	case t.watch != nil && t.watch.told.final():
		t.step = last
	case moved:
		t.step = 1
	case t.at >= 0 || t.step == 0:
		t.step = min(t.step+1, last)
	}
	interval := s.cfg.Intervals[t.step-1]
	share := 1 + s.cfg.Jitter*(2*rand.Float64()-1)
	s.queue.put(t, now+int64(float64(interval)*share))
}

// landed ends the flight of a task. One that has come to nothing is due at once.
func (s *Source) landed(t *task) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.flying--
	t.flying = false
	again := t.again
	t.again = false
	switch {
	case t.closed:
	case t.index == 0:
		s.queue.put(t, s.clock(time.Now()))
	case again:
		s.urge(t)
	}
	s.ring()
}

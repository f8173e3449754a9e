package ethereum

import (
	"context"
	"errors"
	"sync"
	"time"
)

// Run follows the chain until ctx ends and returns the cause of ctx. Trouble with the endpoints never ends it; it shows in
// Health. A second Run at the same time fails with [ErrRunning].
func (s *Source) Run(ctx context.Context) error {
	s.mu.Lock()
	if s.running {
		s.mu.Unlock()
		return ErrRunning
	}
	s.running = true
	s.mu.Unlock()
	var beside sync.WaitGroup
	if len(s.endpoints) > 1 {
		beside.Go(func() { s.watchStandbys(ctx) })
	}
	beside.Go(func() { s.listen(ctx) })
	defer func() {
		beside.Wait()
		for _, e := range s.endpoints {
			e.client.Close()
		}
		s.mu.Lock()
		s.running = false
		s.mu.Unlock()
	}()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for ctx.Err() == nil {
		select {
		case <-timer.C: // before all else: new blocks come first however much there is to look up
			timer.Reset(s.poll(ctx))
			continue
		default:
		}
		select {
		case <-ctx.Done():
		case <-s.work:
			if s.untilPoll() > 0 { // else the poll comes first: what a refresh is answered with is to be about the new head
				s.lookAround(ctx)
			}
			timer.Reset(s.untilPoll())
		case <-timer.C:
			timer.Reset(s.poll(ctx))
		}
	}
	return context.Cause(ctx)
}

// poll does everything there is to do and returns the time until the next poll.
func (s *Source) poll(ctx context.Context) time.Duration {
	now := time.Now()
	s.mu.Lock()
	s.polledAt, s.pollAt = now, now.Add(s.cfg.Poll)
	s.idle = false
	s.mu.Unlock()
	err := s.followAny(ctx)
	followed := err == nil
	if ctx.Err() != nil {
		return 0
	}
	if s.behind++; !errors.Is(err, ErrBehind) {
		s.behind = 0
	} else if s.behind < behindPolls {
		err = nil
	}
	s.setTrouble(headTrouble, err)
	s.mu.Lock()
	s.book.retry()
	s.mu.Unlock()
	s.failed = false
	s.lookAround(ctx)
	swept := s.sweep(ctx)
	s.heard(followed && swept && !s.failed)
	return s.untilPoll()
}

// untilPoll returns the time until the next poll.
func (s *Source) untilPoll() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return max(time.Until(s.pollAt), 0)
}

// pollGap is how soon after a poll a refresh can bring the next one forward.
const pollGap = 500 * time.Millisecond

// callsPerPoll is what polls that were brought forward leave time for, where calls are limited: a look at the heads and some
// look-ups.
const callsPerPoll = 6

// hurryLocked brings the next poll forward: whoever refreshes wants to know of blocks that came since the last one, too.
func (s *Source) hurryLocked() {
	s.pollByLocked(s.polledAt.Add(s.gap))
}

// pollByLocked sees to it that the next poll is no later than at.
func (s *Source) pollByLocked(at time.Time) {
	if at.Before(s.pollAt) {
		s.pollAt = at
	}
}

// behindPolls is how many polls in a row must find a head that went down before that is trouble: behind one address there may
// be many nodes, and some are always a block late.
const behindPolls = 3

// followAny follows the chain by the first endpoint by which that can be done.
func (s *Source) followAny(ctx context.Context) error {
	var first error
	tried := make([]bool, len(s.endpoints))
	for lastResort := true; ; {
		s.mu.Lock()
		now := time.Now()
		i := s.pool.toFollow(now, tried, lastResort)
		if i < 0 {
			s.mu.Unlock()
			return first
		}
		tried[i] = true
		s.pool.following = i
		e := s.endpoints[i]
		lastResort = lastResort && e.line.ready(now)
		another := s.pool.another(now, tried)
		s.mu.Unlock()
		err := s.follow(ctx, e, another)
		if errors.Is(err, ErrTorn) {
			err = s.follow(ctx, e, another) // a block came while the branch was read
		}
		s.said(ctx, e, err)
		if err == nil || ctx.Err() != nil || s.isAMomentLate(e, err) {
			return err
		}
		if first == nil {
			first = err
		}
	}
}

// isAMomentLate reports whether err only says that e, or one of the nodes behind its address, will have the head soon.
func (s *Source) isAMomentLate(e *endpoint, err error) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return errors.Is(err, ErrBehind) && s.shorter == 0 && s.behind+1 < behindPolls && !s.book.window.empty() &&
		s.book.window.head().number < e.head+s.cfg.MaxLag
}

// lookAround fetches the receipts that are owed and looks up what is urgent, until all is done or the next poll is due. After a
// failure it does nothing before the next poll: watches come faster than a node in trouble should be asked.
func (s *Source) lookAround(ctx context.Context) {
	if err := s.trouble(headTrouble); s.failed || err != nil && !errors.Is(err, ErrBehind) {
		return
	}
	s.fetchOwed(ctx)
	for faults := 0; ctx.Err() == nil && faults < len(s.endpoints); {
		s.mu.Lock()
		var ws, usedUp []*watch
		if !s.book.window.empty() {
			if ws = s.book.takeUrgent(s.lookups); len(ws) == 0 {
				usedUp = s.book.takeUsedUp(max(1, s.lookups/callsPerSearch))
			}
		}
		pollAt := s.pollAt
		s.mu.Unlock()
		var err error
		switch {
		case len(ws) > 0:
			err = s.lookUp(ctx, ws)
		case len(usedUp) > 0:
			err = s.investigate(ctx, usedUp)
		}
		if len(ws)+len(usedUp) == 0 {
			break
		}
		if err != nil {
			faults++
			s.failed = faults == len(s.endpoints)
			continue
		}
		s.fetchOwed(ctx)
		if !time.Now().Before(pollAt) {
			s.kick() // the head comes first
			break
		}
	}
	s.settleTroubles()
	if s.failed {
		s.mu.Lock()
		s.pollByLocked(time.Now().Add(s.cfg.Poll))
		s.mu.Unlock()
	}
}

// sweep looks some of those up that nobody heard of for long, and reports whether there can't be more.
func (s *Source) sweep(ctx context.Context) (all bool) {
	if s.trouble(headTrouble) != nil || s.failed || ctx.Err() != nil {
		return false
	}
	most := min(s.cfg.SweepBatch, s.lookups)
	s.mu.Lock()
	ws := s.book.takeSilent(most, time.Now().Add(-s.cfg.SweepAfter))
	s.mu.Unlock()
	if len(ws) > 0 {
		_ = s.lookUp(ctx, ws) // shows in Health
		s.fetchOwed(ctx)
	}
	return len(ws) < most
}

// deepFor is how long a reorganisation below the window is told of at least: whoever watches Health looks once a second.
const deepFor = 2 * time.Second

// settleTroubles ends the troubles whose causes are gone, and moves the checkpoint.
func (s *Source) settleTroubles() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.book.urgent.n+s.book.again.n == 0 {
		s.setTroubleLocked(lookupTrouble, nil)
		if time.Since(s.deepAt) >= deepFor {
			s.setTroubleLocked(deepTrouble, nil)
		}
	}
	if s.book.owed.n == 0 {
		s.setTroubleLocked(receiptTrouble, nil)
	}
	s.advanceLocked()
}

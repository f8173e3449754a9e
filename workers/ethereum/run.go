package ethereum

import (
	"context"
	"errors"
	"time"

	"trackerfleet/workers/ethereum/jsonrpc"
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
	defer func() {
		for _, e := range s.endpoints {
			e.client.Close()
		}
		s.mu.Lock()
		s.running = false
		s.mu.Unlock()
	}()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-s.work:
			s.lookAround(ctx)
		case <-timer.C:
			timer.Reset(s.poll(ctx))
		}
	}
}

// poll does everything there is to do and returns the time until the next poll.
func (s *Source) poll(ctx context.Context) time.Duration {
	wait := s.cfg.Poll
	s.plan(wait)
	err := s.followAny(ctx)
	if ctx.Err() != nil {
		return wait
	}
	s.setTrouble(headTrouble, err)
	var paced *jsonrpc.PacedError
	if errors.As(err, &paced) {
		wait = max(wait, time.Until(paced.Until))
	}
	s.plan(wait)
	s.mu.Lock()
	s.book.retry()
	s.mu.Unlock()
	s.lookAround(ctx)
	s.sweep(ctx)
	return max(time.Until(s.nextPoll()), 0)
}

func (s *Source) plan(wait time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pollAt = time.Now().Add(wait)
}

func (s *Source) nextPoll() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.pollAt
}

// followAny follows the chain by the endpoint it was followed by before, or else by the first one that can be.
func (s *Source) followAny(ctx context.Context) error {
	var first error
	for range s.endpoints {
		e := s.endpoints[s.following]
		err := s.follow(ctx, e)
		s.said(e, err)
		if err == nil || ctx.Err() != nil {
			return err
		}
		if first == nil {
			first = err
		}
		s.following = (s.following + 1) % len(s.endpoints)
	}
	return first
}

// lookAround fetches the receipts that are owed and looks up what is urgent, until all is done or the next poll is due.
func (s *Source) lookAround(ctx context.Context) {
	if err := s.trouble(headTrouble); err != nil && !errors.Is(err, ErrBehind) {
		return // what cannot be followed cannot be asked; the next poll tries again
	}
	s.fetchOwed(ctx)
	for ctx.Err() == nil {
		s.mu.Lock()
		idle := s.book.window.empty()
		var ws []*watch
		if !idle {
			ws = s.book.takeUrgent(s.cfg.BatchSize)
		}
		s.mu.Unlock()
		if len(ws) == 0 {
			break
		}
		if err := s.lookUp(ctx, ws); err != nil {
			break
		}
		s.fetchOwed(ctx)
		if !time.Now().Before(s.nextPoll()) {
			s.kick() // the head comes first
			break
		}
	}
	s.settleTroubles()
}

// sweep looks some of those up that nobody heard of for long.
func (s *Source) sweep(ctx context.Context) {
	if s.trouble(headTrouble) != nil || ctx.Err() != nil {
		return
	}
	s.mu.Lock()
	ws := s.book.takeSilent(s.cfg.SweepBatch, time.Now().Add(-s.cfg.SweepAfter))
	s.mu.Unlock()
	if len(ws) > 0 {
		_ = s.lookUp(ctx, ws) // shows in Health
		s.fetchOwed(ctx)
	}
}

// settleTroubles ends the troubles whose causes are gone, and moves the checkpoint.
func (s *Source) settleTroubles() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.book.urgent.n+s.book.again.n == 0 {
		s.troubles[lookupTrouble], s.troubles[deepTrouble] = nil, nil
	}
	if s.book.owed.n == 0 {
		s.troubles[receiptTrouble] = nil
	}
	s.advanceLocked()
}

func (s *Source) said(e *endpoint, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e.saidLocked(err)
}

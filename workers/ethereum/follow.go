package ethereum

import (
	"context"
	"fmt"
	"time"
)

const (
	// prefill is how many blocks are read at the start in any case, so that a reorganisation right after it is seen as one.
	prefill = 32
	// shorterPolls is how many polls in a row must show a branch that is shorter than ours before it is believed: a node that
	// is stuck on an old branch looks the same at first.
	shorterPolls = 3
	// verifyEvery is how often an endpoint is asked for its chain, besides after every fault and before every reorganisation.
	verifyEvery = time.Minute
	// minPatience is how long an endpoint may take to say its head, at least, even if another one could be asked.
	minPatience = 2 * time.Second
)

// follow brings the book up to the endpoint's head. If another one can take over, the endpoint must answer soon and not lag.
func (s *Source) follow(ctx context.Context, e *endpoint, another bool) error {
	latest, marks, err := s.firstLook(ctx, e, another)
	if err != nil {
		return err
	}
	now := time.Now()
	s.mu.Lock()
	lag := s.pool.judge(e, latest.number, now)
	mv := s.book.window.decide(latest)
	s.mu.Unlock()
	if lag != nil && another {
		return lag
	}
	if mv != shorter {
		s.shorter = 0
	}
	switch mv {
	case behind:
		return fmt.Errorf("%w: from %d to %d", ErrBehind, s.book.window.head().number, latest.number)
	case shorter:
		if s.shorter++; s.shorter < shorterPolls {
			return fmt.Errorf("%w: to another branch, from %d to %d", ErrBehind, s.book.window.head().number, latest.number)
		}
		s.shorter = 0
		mv = fork
	}
	if err := s.catchUp(ctx, e, mv, latest); err != nil {
		return err
	}
	s.askElsewhere(ctx, e, marks)
	s.takeMarks(marks)
	s.mu.Lock()
	s.followedAt, s.followedBy = time.Now(), ordinal(s.pool.following)
	s.mu.Unlock()
	return nil
}

// firstLook makes sure of the endpoint's chain and asks for its heads.
func (s *Source) firstLook(ctx context.Context, e *endpoint, another bool) (*block, []tagMark, error) {
	if another {
		within := min(s.cfg.Timeout, max(s.cfg.Poll, minPatience))
		limited, cancel := context.WithTimeoutCause(ctx, within, fmt.Errorf("ethereum: no answer within %v", within))
		defer cancel()
		ctx = limited
	}
	if err := s.verify(ctx, e, verifyEvery); err != nil {
		return nil, nil, err
	}
	return s.heads(ctx, e)
}

// catchUp applies blocks until latest is the window's head.
func (s *Source) catchUp(ctx context.Context, e *endpoint, mv move, latest *block) error {
	leap := mv == extend && s.tooFar(latest.number)
	if leap {
		mv = begin
	}
	for mv != stay {
		br, err := s.nextBranch(ctx, e, mv, latest)
		if err != nil {
			return err
		}
		if leap { // not before the blocks are there: a node may say any number
			leap = false
			s.mu.Lock()
			s.book.recheck()
			s.mu.Unlock()
		}
		s.fill(ctx, e, br)
		if err := s.apply(ctx, e, br); err != nil {
			return err
		}
		if s.book.window.head().number >= latest.number {
			return nil
		}
		mv = extend
	}
	return nil
}

// tooFar reports whether the way to the head costs more than looking everything up.
func (s *Source) tooFar(latest uint64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	gap := latest - s.book.window.head().number
	return gap > uint64(s.cfg.Window) && gap > callsPerLookup*uint64(s.book.count)
}

// apply fetches the receipts that br needs and hands everything over.
func (s *Source) apply(ctx context.Context, e *endpoint, br branch) error {
	s.mu.Lock()
	found := s.book.matches(br)
	s.mu.Unlock()
	var wanted []blockReceipts
	for i, txs := range found {
		if len(txs) > 0 {
			wanted = append(wanted, blockReceipts{br.blocks[i].number, br.blocks[i].hash, txs})
		}
	}
	receipts, err := s.receipts(ctx, e, wanted)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil {
		s.setTrouble(receiptTrouble, err) // the blocks are good; their receipts stay owed
	}
	if br.deep {
		s.setTrouble(deepTrouble, ErrDeep)
	}
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if br.deep {
		s.deepAt = now
	}
	s.book.apply(br, receipts, now)
	if s.book.sinces != nil {
		s.book.begun(br.ancestor)
	}
	s.headAt = now
	s.advanceLocked()
	return nil
}

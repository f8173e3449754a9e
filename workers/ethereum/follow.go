package ethereum

import (
	"context"
	"errors"
	"fmt"
	"time"

	"trackerfleet/workers/ethereum/jsonrpc"
	"trackerfleet/workers/source"
)

const (
	// prefill is how many blocks are read at the start in any case, so that a reorganisation right after it is seen as one.
	prefill = 32
	// shorterPolls is how many polls in a row must show a branch that is shorter than ours before it is believed: a node that
	// is stuck on an old branch looks the same at first.
	shorterPolls = 3
	// verifyEvery is how often an endpoint is asked for its chain, besides after every fault and before every reorganisation.
	verifyEvery = time.Minute
)

// follow brings the book up to the endpoint's head.
func (s *Source) follow(ctx context.Context, e *endpoint) error {
	if err := s.verify(ctx, e, verifyEvery); err != nil {
		return err
	}
	latest, marks, err := s.heads(ctx, e)
	if err != nil {
		return err
	}
	s.mu.Lock()
	e.head = latest.number
	mv := s.book.window.decide(latest)
	s.mu.Unlock()
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
	s.takeMarks(marks)
	s.mu.Lock()
	s.followedAt, s.followedBy = time.Now(), ordinal(s.following)
	s.mu.Unlock()
	return nil
}

// catchUp applies blocks until latest is the window's head.
func (s *Source) catchUp(ctx context.Context, e *endpoint, mv move, latest *block) error {
	if mv == extend && s.tooFar(latest.number) {
		s.mu.Lock()
		s.book.recheck()
		s.mu.Unlock()
		mv = begin
	}
	for mv != stay {
		br, err := s.nextBranch(ctx, e, mv, latest)
		if err != nil {
			return err
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
	s.book.apply(br, receipts, now)
	if s.book.sinces != nil {
		s.book.begun(br.ancestor)
	}
	s.headAt = now
	s.advanceLocked()
	return nil
}

// verify asks the endpoint for its chain unless it did within the span, and fails with [ErrChain] if it isn't ours.
func (s *Source) verify(ctx context.Context, e *endpoint, span time.Duration) error {
	if !e.verified.IsZero() && time.Since(e.verified) < span {
		return nil
	}
	call := jsonrpc.NewCall("eth_chainId")
	if err := e.client.Do(ctx, call); err != nil {
		return err
	}
	if call.Err != nil {
		return fmt.Errorf("ethereum: eth_chainId: %w", call.Err)
	}
	id, err := decodeQuantity(call.Result)
	if err != nil {
		return fmt.Errorf("ethereum: eth_chainId: %w", err)
	}
	if id != s.chainID {
		e.verified = time.Time{}
		return fmt.Errorf("%w: eip155:%d, not %s", ErrChain, id, s.cfg.Chain)
	}
	e.verified = time.Now()
	return nil
}

// tagMark is what an endpoint said of a tag.
type tagMark struct {
	kind    source.Finality
	block   *block // nil: it has none
	refused bool   // it doesn't know what that is
	err     error
}

var tagNames = [...]string{source.Safe: "safe", source.Finalized: "finalized"}

// heads asks for the latest block and the tags that somebody wants.
func (s *Source) heads(ctx context.Context, e *endpoint) (*block, []tagMark, error) {
	calls := []*jsonrpc.Call{jsonrpc.NewCall("eth_getBlockByNumber", "latest", false)}
	var marks []tagMark
	s.mu.Lock()
	for kind := source.Safe; kind <= source.Finalized; kind++ {
		if s.book.wanted[kind] > 0 {
			marks = append(marks, tagMark{kind: kind})
			calls = append(calls, jsonrpc.NewCall("eth_getBlockByNumber", tagNames[kind], false))
		}
	}
	s.mu.Unlock()
	if err := e.client.Do(ctx, calls...); err != nil {
		return nil, nil, err
	}
	latest, err := answeredBlock(calls[0])
	if err != nil {
		return nil, nil, fmt.Errorf("ethereum: latest block: %w", err)
	}
	if latest == nil {
		return nil, nil, fmt.Errorf("%w: no latest block", ErrAnswer)
	}
	for i := range marks {
		marks[i].read(calls[i+1])
	}
	return latest, marks, nil
}

// read takes the answer in. Nodes say that there is no such block yet by null or by an error of their own.
func (m *tagMark) read(call *jsonrpc.Call) {
	m.block, m.err = answeredBlock(call)
	var answer *jsonrpc.Error
	if errors.As(m.err, &answer) {
		m.err = nil
		m.refused = answer.Code == -32601 || answer.Code == -32602
	}
}

// takeMarks takes the tags in that are on the chain as we know it.
func (s *Source) takeMarks(marks []tagMark) {
	var trouble error
	now := time.Now()
	s.mu.Lock()
	window := s.book.window
	for _, m := range marks {
		head := window.head().number
		switch {
		case m.err != nil:
			trouble = fmt.Errorf("ethereum: %s block: %w", m.kind, m.err)
		case m.block == nil:
			s.book.tags.absent(m.kind, head, m.refused)
		case m.block.number > head, window.at(m.block.number) != nil && !window.holds(m.block.number, m.block.hash):
			trouble = fmt.Errorf("%w: %s block %d is on another branch", ErrAnswer, m.kind, m.block.number)
		default:
			s.book.tags.seen(m.kind, m.block.number)
		}
	}
	if !window.empty() {
		s.book.fireAll(now)
	}
	s.mu.Unlock()
	s.setTrouble(tagTrouble, trouble)
}

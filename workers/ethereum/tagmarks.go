package ethereum

import (
	"context"
	"errors"
	"fmt"
	"time"

	"trackerfleet/workers/ethereum/jsonrpc"
	"trackerfleet/workers/source"
)

// tagMark is what an endpoint said of a tag.
type tagMark struct {
	kind    source.Finality
	by      *endpoint
	call    *jsonrpc.Call
	block   *block // nil: it has none
	refused bool   // it doesn't know what that is
	err     error
}

var tagNames = [...]string{source.Safe: "safe", source.Finalized: "finalized"}

// heads asks for the latest block and the tags that somebody wants. Tags that the endpoint doesn't offer are left to be asked
// of one that may.
func (s *Source) heads(ctx context.Context, e *endpoint) (*block, []tagMark, error) {
	calls := []*jsonrpc.Call{jsonrpc.NewCall("eth_getBlockByNumber", "latest", false)}
	var marks []tagMark
	now := time.Now()
	s.mu.Lock()
	for kind := source.Safe; kind <= source.Finalized; kind++ {
		if s.book.wanted[kind] > 0 {
			call := jsonrpc.NewCall("eth_getBlockByNumber", tagNames[kind], false)
			by := s.pool.tagger(kind, now)
			marks = append(marks, tagMark{kind: kind, by: by, call: call})
			if by == e {
				calls = append(calls, call)
			}
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
		if marks[i].by == e {
			marks[i].read()
		}
	}
	return latest, marks, nil
}

// askElsewhere asks for the tags that e doesn't offer. An endpoint that is slow about it is no help.
func (s *Source) askElsewhere(ctx context.Context, e *endpoint, marks []tagMark) {
	for i := range marks {
		m := &marks[i]
		if m.by == e {
			continue
		}
		within := min(s.cfg.Timeout, minPatience)
		limited, cancel := context.WithTimeoutCause(ctx, within, fmt.Errorf("ethereum: no answer within %v", within))
		if m.err = s.verify(limited, m.by, verifyEvery); m.err == nil {
			m.err = m.by.client.Do(limited, m.call)
		}
		cancel()
		if m.err == nil {
			m.read()
		} else {
			s.said(ctx, m.by, m.err)
		}
	}
}

// read takes the answer in. Nodes say that there is no such block yet by null or by an error of their own.
func (m *tagMark) read() {
	m.block, m.err = answeredBlock(m.call)
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
			m.by.offers[m.kind].absent(head, s.book.tags.depth[m.kind], m.refused)
			s.book.tags.absent(m.kind, head, s.pool.tagless(m.kind, now))
		case m.block.number > head, window.at(m.block.number) != nil && !window.holds(m.block.number, m.block.hash):
			trouble = fmt.Errorf("%w: %s block %d is on another branch", ErrAnswer, m.kind, m.block.number)
		default:
			m.by.offers[m.kind] = offer{}
			s.book.tags.seen(m.kind, m.block.number)
		}
	}
	if !window.empty() {
		s.book.fireAll(now)
	}
	s.mu.Unlock()
	s.setTrouble(tagTrouble, trouble)
}

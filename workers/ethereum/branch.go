package ethereum

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"trackerfleet/workers/ethereum/jsonrpc"
)

// nextBranch reads the next piece of the way to latest: what extends the window, at most a window's length of it, or the
// whole of a new branch.
func (s *Source) nextBranch(ctx context.Context, e *endpoint, mv move, latest *block) (branch, error) {
	window := s.book.window // only Run changes it
	if mv == fork {
		return s.rewind(ctx, e, []*block{latest})
	}
	from := uint64(0)
	if mv == begin {
		from = s.beginAt(latest.number)
	} else {
		from = window.head().number + 1
	}
	blocks, err := s.blocks(ctx, e, from, min(latest.number, from+uint64(s.cfg.Window)-1), latest)
	if err != nil {
		return branch{}, err
	}
	if mv == begin {
		return branch{ancestor: max(from, 1) - 1, blocks: blocks}, nil
	}
	if blocks[0].parent == window.head().hash {
		return branch{ancestor: from - 1, blocks: blocks}, nil
	}
	for last := blocks[len(blocks)-1].number; last < latest.number; last = blocks[len(blocks)-1].number {
		more, err := s.blocks(ctx, e, last+1, min(latest.number, last+uint64(s.cfg.Window)), latest)
		if err != nil {
			return branch{}, err
		}
		blocks = append(blocks, more...)
	}
	if !contiguous(blocks) {
		return branch{}, ErrTorn
	}
	return s.rewind(ctx, e, blocks)
}

// beginAt returns the first block to read.
func (s *Source) beginAt(latest uint64) uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	var sinces []uint64
	for _, since := range s.book.sinces {
		sinces = append(sinces, min(since, latest))
	}
	return min(replayFrom(latest, min(prefill, uint64(s.cfg.Window)), sinces)+1, latest)
}

// blocks reads the blocks of the heights from to to, contiguous. latest is at hand already.
func (s *Source) blocks(ctx context.Context, e *endpoint, from, to uint64, latest *block) ([]*block, error) {
	var calls []*jsonrpc.Call
	for n := from; n <= to && n < latest.number; n++ {
		calls = append(calls, jsonrpc.NewCall("eth_getBlockByNumber", hexQuantity(n), false))
	}
	if len(calls) > 0 {
		if err := e.client.Do(ctx, calls...); err != nil {
			return nil, err
		}
	}
	blocks := make([]*block, 0, len(calls)+1)
	for i, call := range calls {
		b, err := answeredBlock(call)
		switch {
		case err != nil:
			return nil, fmt.Errorf("ethereum: block %d: %w", from+uint64(i), err)
		case b == nil:
			return nil, fmt.Errorf("%w: no block %d", ErrTorn, from+uint64(i))
		case b.number != from+uint64(i):
			return nil, fmt.Errorf("%w: block %d in place of %d", ErrAnswer, b.number, from+uint64(i))
		}
		blocks = append(blocks, b)
	}
	if to == latest.number {
		blocks = append(blocks, latest)
	}
	if !contiguous(blocks) {
		return nil, ErrTorn
	}
	return blocks, nil
}

// rewind walks from the first of blocks back, by hash, to a block of the window, and returns the whole new branch. The
// endpoint is asked for its chain first: another chain looks like a reorganisation.
func (s *Source) rewind(ctx context.Context, e *endpoint, blocks []*block) (branch, error) {
	if err := s.verify(ctx, e, 0); err != nil {
		return branch{}, err
	}
	window := s.book.window
	var back []*block
	first := blocks[0]
	for first.number > 0 && !window.holds(first.number-1, first.parent) {
		if first.number <= window.tail() || len(back) >= s.cfg.Window {
			return branch{deep: true, blocks: joined(back, blocks)}, nil
		}
		call := jsonrpc.NewCall("eth_getBlockByHash", first.parent.String(), false)
		if err := e.client.Do(ctx, call); err != nil {
			return branch{}, err
		}
		b, err := answeredBlock(call)
		switch {
		case err != nil:
			return branch{}, fmt.Errorf("ethereum: block %s: %w", first.parent, err)
		case b == nil:
			return branch{}, fmt.Errorf("%w: no block %s", ErrTorn, first.parent)
		case b.hash != first.parent || b.number != first.number-1:
			return branch{}, fmt.Errorf("%w: another block in place of %s", ErrAnswer, first.parent)
		}
		back = append(back, b)
		first = b
	}
	if first.number == 0 {
		return branch{deep: true, blocks: joined(back, blocks)}, nil
	}
	return branch{ancestor: first.number - 1, blocks: joined(back, blocks)}, nil
}

// joined returns back, turned round, and then blocks.
func joined(back, blocks []*block) []*block {
	slices.Reverse(back)
	return append(back, blocks...)
}

func answeredBlock(call *jsonrpc.Call) (*block, error) {
	if call.Err != nil {
		return nil, call.Err
	}
	return decodeBlock(call.Result)
}

func decodeQuantity(raw json.RawMessage) (uint64, error) {
	var s string
	if err := json.Unmarshal(raw, &s); err != nil {
		return 0, fmt.Errorf("%w: quantity", ErrAnswer)
	}
	return quantity(s)
}

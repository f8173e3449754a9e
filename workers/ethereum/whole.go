package ethereum

import (
	"context"
	"slices"

	"trackerfleet/workers/ethereum/jsonrpc"
)

// wholeAtOnce is how many blocks are read in full in one request: each may have a megabyte.
const wholeAtOnce = 4

// fill reads those blocks of br in full that were read with hashes only, if any watch has a slot to be looked for in them.
// What can't be read stays as it is: then the nonces tell what the blocks don't.
func (s *Source) fill(ctx context.Context, e *endpoint, br branch) {
	s.mu.Lock()
	wanted := !s.book.slots.empty()
	s.mu.Unlock()
	var lacking []int
	for i, b := range br.blocks {
		if wanted && !b.full {
			lacking = append(lacking, i)
		}
	}
	for len(lacking) > 0 {
		now := lacking[:min(wholeAtOnce, len(lacking))]
		lacking = lacking[len(now):]
		calls := make([]*jsonrpc.Call, len(now))
		for i, at := range now {
			calls[i] = jsonrpc.NewCall("eth_getBlockByHash", br.blocks[at].hash.String(), true)
		}
		if err := e.client.Do(ctx, calls...); err != nil {
			return
		}
		for i, at := range now {
			if b, err := answeredBlock(calls[i]); err == nil && b != nil && b.whole(br.blocks[at]) {
				br.blocks[at] = b
			}
		}
	}
}

// whole reports whether b is what other is, in full.
func (b *block) whole(other *block) bool {
	return b.full && b.hash == other.hash && b.number == other.number && b.parent == other.parent && slices.Equal(b.txs, other.txs)
}

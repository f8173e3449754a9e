package ethereum

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/bits"
	"slices"
	"time"

	"trackerfleet/workers/ethereum/jsonrpc"
	"trackerfleet/workers/source"
)

// statesBack is how many blocks below the head what took a nonce is searched for. Full nodes keep the states of the last 128
// blocks, and the head moves on while they are asked.
const statesBack = 120

// callsPerSearch is what the search for what took one nonce takes at most: three questions, one for each halving of
// statesBack, the block, its height below the window and the receipt.
const callsPerSearch = 13

// search is one for what took a nonce: a watch whose nonce is used up although its transaction is in no block, while it is found out by what.
type search struct {
	*finding
	slot   slot
	end    string // height or tag up to which blocks are final by the watch's policy; "": unknown
	lowest uint64 // the nonce was free there
	taken  uint64 // and used up there
	lost   bool   // it was used up before any block that can be asked for
}

// investigate finds out what took the nonces of ws. One that was taken within statesBack has its block found, by halving; one
// that was taken before, or by what is no transaction of its sender (EIP-7702), is used up for good when it was at the
// final head. Nodes that don't have the states for it decide nothing.
func (s *Source) investigate(ctx context.Context, ws []*watch) error {
	e, at := s.toAsk(&s.tracing) // its own round: look-ups in between would have it ask the same one always
	searches, findings := s.searches(ws)
	current, err := s.findTransactions(ctx, e, findings)
	if err == nil && !current {
		err = ErrBehind
	}
	if err == nil {
		err = s.narrow(ctx, e, searches)
	}
	if err == nil {
		err = s.findOccupants(ctx, e, searches)
	}
	if err == nil {
		err = s.findBelow(ctx, e, findings)
	}
	if ctx.Err() == nil {
		var answer *jsonrpc.Error
		if !errors.As(err, &answer) { // one that lacks old states can still look up
			s.found(e, err)
		}
		s.setTrouble(lookupTrouble, wrapped(ErrLookup, err))
	}
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range searches {
		r.failed = r.failed || err != nil
		s.book.resolveSearch(r, witness{current: current, endpoint: at, endpoints: s.pool.witnesses(now)}, now)
	}
	return err
}

func wrapped(sentinel, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w: %w", sentinel, err)
}

func (s *Source) searches(ws []*watch) ([]*search, []*finding) {
	s.mu.Lock()
	defer s.mu.Unlock()
	searches, findings := make([]*search, len(ws)), make([]*finding, len(ws))
	head := s.book.window.head().number
	for i, w := range ws {
		findings[i] = &finding{w: w, failed: true}
		searches[i] = &search{
			finding: findings[i], slot: w.ref.extra.slot(), end: s.book.finalHead(w),
			lowest: head - min(head, statesBack), taken: head,
		}
	}
	return searches, findings
}

// finalHead returns the height or tag up to which blocks are final for w; "" if there is none.
func (b *book) finalHead(w *watch) string {
	head := b.window.head().number
	switch {
	case w.finality == source.Depth && (w.need == math.MaxUint16 || uint64(w.need) > head):
		return ""
	case w.finality == source.Depth:
		return hexQuantity(head + 1 - max(uint64(w.need), 1))
	}
	if height := b.tags.height(w.finality, head); height > 0 {
		return hexQuantity(height)
	}
	return tagNames[w.finality]
}

// narrow finds the heights at which the nonces were taken, and whether they were at the final heads.
func (s *Source) narrow(ctx context.Context, e *endpoint, searches []*search) error {
	final, lowest := newQuestions(), newQuestions()
	of := map[*finding]*search{}
	for _, r := range searches {
		of[r.finding] = r
		if r.failed || r.placed() != nil {
			continue
		}
		lowest.count(r.finding, r.slot.from, hexQuantity(r.lowest))
		if r.end != "" {
			final.count(r.finding, r.slot.from, r.end)
		}
	}
	if err := s.put(ctx, e, final, lowest); err != nil {
		return err
	}
	final.read(func(f *finding, call *jsonrpc.Call) {
		n, err := answeredQuantity(call)
		f.over = err == nil && n > of[f].slot.nonce
	})
	lowest.read(func(f *finding, call *jsonrpc.Call) {
		n, err := answeredQuantity(call)
		of[f].lost = err != nil || n > of[f].slot.nonce
	})
	for {
		halves := newQuestions()
		for _, r := range searches {
			if r.sought() && r.taken-r.lowest > 1 {
				halves.count(r.finding, r.slot.from, hexQuantity(r.lowest+(r.taken-r.lowest)/2))
			}
		}
		if len(halves.calls) == 0 {
			return nil
		}
		if err := s.put(ctx, e, halves); err != nil {
			return err
		}
		halves.read(func(f *finding, call *jsonrpc.Call) { of[f].halve(call) })
	}
}

// sought reports whether the block is to be found in which the nonce was taken.
func (r *search) sought() bool { return !r.failed && !r.lost && r.placed() == nil }

// halve takes in how many nonces were used up in the middle of what is left.
func (r *search) halve(call *jsonrpc.Call) {
	middle := r.lowest + (r.taken-r.lowest)/2
	n, err := answeredQuantity(call)
	switch {
	case err != nil:
		r.failed = true
	case n > r.slot.nonce:
		r.taken = middle
	default:
		r.lowest = middle
	}
}

// put asks the endpoint everything at once.
func (s *Source) put(ctx context.Context, e *endpoint, qs ...*questions) error {
	var calls []*jsonrpc.Call
	for _, q := range qs {
		calls = append(calls, q.calls...)
	}
	if len(calls) == 0 {
		return nil
	}
	return e.client.Do(ctx, calls...)
}

// findOccupants reads the blocks in which the nonces were taken.
func (s *Source) findOccupants(ctx context.Context, e *endpoint, searches []*search) error {
	blocks := map[uint64]*jsonrpc.Call{}
	for _, r := range searches {
		if r.sought() && blocks[r.taken] == nil {
			blocks[r.taken] = jsonrpc.NewCall("eth_getBlockByNumber", hexQuantity(r.taken), true)
		}
	}
	var fault error
	for height, call := range blocks { // one by one: each may have a megabyte
		if err := e.client.Do(ctx, call); err != nil {
			return err
		}
		b, err := answeredBlock(call)
		if err == nil && (b == nil || b.number != height || !b.full) {
			err = fmt.Errorf("%w: block %d", ErrAnswer, height)
		}
		fault = errors.Join(fault, err)
		for _, r := range searches {
			switch {
			case !r.sought() || r.taken != height:
			case err != nil:
				r.failed = true
			default:
				r.found(b)
			}
		}
	}
	return fault
}

// found looks for what took the nonce in the block.
func (r *search) found(b *block) {
	if slices.Contains(b.txs, r.w.ref.hash) { // the node has lost sight of it
		r.tx = &transaction{hash: r.w.ref.hash, block: &b.hash, number: b.number}
		return
	}
	for i := range b.occupants {
		t := &b.occupants[i]
		if t.slot != r.slot {
			continue
		}
		r.other = &transaction{hash: t.tx, block: &b.hash, number: b.number, occupant: *t, takes: true}
		return
	}
	r.lost = true
}

// proofsNeeded is how many polls must find a nonce used up for good, and the transaction in no block, before it is said that
// nobody knows by what: a node may have lost sight of a transaction.
const proofsNeeded = 3

// resolveSearch takes in what was found out. That a nonce is used up for good by something that cannot be named takes
// [proofsNeeded], of two nodes if there are two.
func (b *book) resolveSearch(r *search, by witness, now time.Time) {
	w := r.w
	switch {
	case w.in != outside || w.place != nil:
	case r.failed || r.placed() != nil || w.told != nil:
		b.resolve(r.finding, by, now)
	case !r.lost || !r.over:
		w.checked, w.asked = b.since(now), ordinal(by.endpoint)
		b.silent.pushBack(w)
	case !b.proved(w, by):
		w.checked, w.asked = b.since(now), ordinal(by.endpoint)
		b.again.pushBack(w)
	default:
		w.checked, w.asked, w.ask = b.since(now), ordinal(by.endpoint), false
		b.silent.pushBack(w)
		w.obs.Observe(b.observation(source.Replaced, now))
	}
}

// proved counts a proof that w's nonce is used up for good, and reports whether they are enough.
func (b *book) proved(w *watch, by witness) bool {
	p := b.proofs[w]
	p.n++
	p.endpoints |= 1 << min(by.endpoint, 63)
	b.proofs[w] = p
	return p.n >= proofsNeeded && bits.OnesCount64(p.endpoints) >= min(by.endpoints, 2)
}

// proofs are how often, and by which endpoints, a nonce was found used up for good.
type proofs struct {
	n         int
	endpoints uint64
}

// takeUsedUp takes at most n watches out to find out what took their nonces.
func (b *book) takeUsedUp(n int) []*watch {
	var ws []*watch
	for len(ws) < n && b.usedUp.first != nil {
		ws = append(ws, b.usedUp.popFront())
	}
	return ws
}

package ethereum

import (
	"context"
	"errors"
	"fmt"
	"time"

	"trackerfleet/workers/ethereum/jsonrpc"
	"trackerfleet/workers/source"
)

// blockReceipts are wanted receipts of one block.
type blockReceipts struct {
	number uint64
	hash   Hash
	txs    []Hash
}

// receipts fetches what is wanted. It returns what it could get, each of the very block asked for, and the first fault.
func (s *Source) receipts(ctx context.Context, e *endpoint, wanted []blockReceipts) (map[Hash]*receipt, error) {
	got := map[Hash]*receipt{}
	var singles []single
	for _, want := range wanted {
		if len(want.txs) < s.cfg.ReceiptsAtOnce || e.noReceipts {
			singles = append(singles, want.singles()...)
			continue
		}
		all, err := s.receiptsOf(ctx, e, want)
		if err != nil && ctx.Err() != nil {
			return got, err
		}
		for _, one := range want.singles() {
			if r := all[one.tx]; r != nil {
				got[one.tx] = r
			} else {
				singles = append(singles, one) // refused, empty, or of another block: each by itself then
			}
		}
	}
	err := s.fetchSingles(ctx, e, singles, got)
	if reasonErr := s.reasons(ctx, e, got); err == nil {
		err = reasonErr
	}
	return got, err
}

// single is one wanted receipt.
type single struct{ tx, block Hash }

func (want blockReceipts) singles() []single {
	ones := make([]single, len(want.txs))
	for i, tx := range want.txs {
		ones[i] = single{tx, want.hash}
	}
	return ones
}

// receiptsOf fetches all receipts of a block in one call. Receipts of another block are none.
func (s *Source) receiptsOf(ctx context.Context, e *endpoint, want blockReceipts) (map[Hash]*receipt, error) {
	call := jsonrpc.NewCall("eth_getBlockReceipts", want.hash.String())
	if err := e.client.Do(ctx, call); err != nil {
		return nil, err
	}
	if call.Err != nil {
		var answer *jsonrpc.Error
		if errors.As(call.Err, &answer) && answer.Code == -32601 {
			e.noReceipts = true
		}
		return nil, call.Err
	}
	all, err := decodeReceipts(call.Result)
	if err != nil {
		return nil, err
	}
	byTx := make(map[Hash]*receipt, len(all))
	for _, r := range all {
		if r.block == want.hash && r.number == want.number {
			byTx[r.tx] = r
		}
	}
	return byTx, nil
}

// fetchSingles fetches receipts one by one, batched, into got.
func (s *Source) fetchSingles(ctx context.Context, e *endpoint, singles []single, got map[Hash]*receipt) error {
	if len(singles) == 0 {
		return nil
	}
	calls := make([]*jsonrpc.Call, len(singles))
	for i, one := range singles {
		calls[i] = jsonrpc.NewCall("eth_getTransactionReceipt", one.tx.String())
	}
	fault := e.client.Do(ctx, calls...)
	for i, one := range singles {
		r, err := answeredReceipt(calls[i])
		switch {
		case err == nil && r == nil:
			err = fmt.Errorf("%w: none for %s", ErrReceipt, one.tx)
		case err == nil && (r.tx != one.tx || r.block != one.block):
			err = fmt.Errorf("%w: for %s in %s", ErrReceipt, one.tx, one.block)
		case err == nil:
			got[one.tx] = r
		}
		if fault == nil && err != nil {
			fault = err
		}
	}
	return fault
}

// fetchOwed fetches the receipts that are owed and hands over what they say.
func (s *Source) fetchOwed(ctx context.Context) {
	s.mu.Lock()
	wanted := s.book.owing()
	s.mu.Unlock()
	if len(wanted) == 0 || s.failed {
		return
	}
	e := s.owedFrom()
	receipts, err := s.receipts(ctx, e, wanted)
	if ctx.Err() != nil {
		return
	}
	s.setTrouble(receiptTrouble, err)
	s.failed = err != nil
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, w := range s.book.owed.all() {
		if r := receipts[w.sought()]; r != nil && r.block == w.place.hash {
			s.book.settle(w, r, now)
		}
	}
	s.advanceLocked()
}

// owedFrom returns the endpoint to ask for receipts that are owed: the followed one, and after it failed others too.
func (s *Source) owedFrom() *endpoint {
	if s.trouble(receiptTrouble) == nil {
		return s.endpoints[s.pool.following] // only Run changes it
	}
	e, _ := s.toAsk(&s.asking)
	return e
}

// owing returns the receipts that are owed, block by block, each once.
func (b *book) owing() []blockReceipts {
	var wanted []blockReceipts
	at, seen := map[Hash]int{}, map[Hash]bool{}
	for w := b.owed.first; w != nil; w = w.next {
		if seen[w.sought()] {
			continue
		}
		seen[w.sought()] = true
		i, ok := at[w.place.hash]
		if !ok {
			i = len(wanted)
			at[w.place.hash] = i
			wanted = append(wanted, blockReceipts{number: w.place.number, hash: w.place.hash})
		}
		wanted[i].txs = append(wanted[i].txs, w.sought())
	}
	return wanted
}

func answeredReceipt(call *jsonrpc.Call) (*receipt, error) {
	if call.Err != nil {
		return nil, call.Err
	}
	return decodeReceipt(call.Result)
}

// inclusion returns what the receipt says of its transaction in the block of m.
func (r *receipt) inclusion(m *mark) *source.Inclusion {
	return &source.Inclusion{
		Block: m.ref, Index: r.index, Success: r.success, GasUsed: r.gasUsed, FeePaid: r.feePaid,
		Reason: r.reason, ReasonData: r.reasonData,
	}
}

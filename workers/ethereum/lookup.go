package ethereum

import (
	"context"
	"errors"
	"fmt"
	"time"

	"trackerfleet/workers/ethereum/jsonrpc"
)

// lookUp asks a node for the transactions of ws and hands over what it says. It fails when the node said nothing of some, or
// lags; what could not be decided is tried again at the next poll.
func (s *Source) lookUp(ctx context.Context, ws []*watch) error {
	e, at := s.toAsk(&s.asking) // another one every time: that one node doesn't know it is no proof
	findings := make([]*finding, len(ws))
	for i, w := range ws {
		findings[i] = &finding{w: w, failed: true}
	}
	current, err := s.findTransactions(ctx, e, findings)
	if err == nil {
		err = s.findBelow(ctx, e, findings)
	}
	if err == nil && !current {
		err = ErrBehind
	}
	if ctx.Err() == nil {
		s.found(e, err)
		if err != nil {
			s.setTrouble(lookupTrouble, fmt.Errorf("%w: %w", ErrLookup, err))
		} else {
			s.setTrouble(lookupTrouble, nil)
		}
	}
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	by := witness{current: current, endpoint: at, endpoints: s.pool.witnesses(now)}
	for _, f := range findings {
		s.book.resolve(f, by, now)
	}
	return err
}

// findTransactions asks for the transactions, and, in the same batch, how far the node is. current says that it is as far as
// the blocks that were followed.
func (s *Source) findTransactions(ctx context.Context, e *endpoint, findings []*finding) (current bool, err error) {
	if err := s.verify(ctx, e, verifyEvery); err != nil {
		return false, err
	}
	calls := make([]*jsonrpc.Call, 0, len(findings)+1)
	for _, f := range findings {
		calls = append(calls, jsonrpc.NewCall("eth_getTransactionByHash", f.w.ref.hash.String()))
	}
	others := s.askForOthers(findings)
	nonces := s.askForNonces(findings)
	calls = append(append(calls, others.calls...), nonces.calls...)
	height := jsonrpc.NewCall("eth_blockNumber")
	err = e.client.Do(ctx, append(calls, height)...)
	for i, f := range findings {
		tx, callErr := answeredTransaction(calls[i], f.w.ref.hash)
		f.tx, f.failed = tx, callErr != nil
		if err == nil {
			err = callErr
		}
	}
	others.read(func(f *finding, call *jsonrpc.Call) {
		tx, callErr := answeredTransaction(call, f.w.told.rival.tx)
		f.other, f.failed = tx, f.failed || callErr != nil
		if err == nil {
			err = callErr
		}
	})
	nonces.read(func(f *finding, call *jsonrpc.Call) { // an error decides nothing; the next look-up asks again
		if n, callErr := answeredQuantity(call); callErr == nil {
			f.counted, f.nonces = true, n
		}
	})
	if height.Err != nil {
		return false, errors.Join(err, height.Err)
	}
	head, heightErr := decodeQuantity(height.Result)
	if heightErr != nil {
		return false, errors.Join(err, heightErr)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	e.saw(head, time.Now())
	return head >= s.book.window.head().number, err
}

// findBelow fetches what is needed of blocks below the window: whether they are canonical, and the receipts in them.
func (s *Source) findBelow(ctx context.Context, e *endpoint, findings []*finding) error {
	type pair struct{ block, receipt *jsonrpc.Call }
	byHeight := map[uint64]*jsonrpc.Call{}
	asked := make([]pair, len(findings))
	var calls []*jsonrpc.Call
	s.mu.Lock()
	for i, f := range findings {
		height, below := s.book.heightInQuestion(f)
		if !below {
			continue
		}
		if byHeight[height] == nil {
			byHeight[height] = jsonrpc.NewCall("eth_getBlockByNumber", hexQuantity(height), false)
			calls = append(calls, byHeight[height])
		}
		asked[i].block = byHeight[height]
		if tx := f.placed(); tx != nil {
			asked[i].receipt = jsonrpc.NewCall("eth_getTransactionReceipt", tx.hash.String())
			calls = append(calls, asked[i].receipt)
		}
	}
	s.mu.Unlock()
	if len(calls) == 0 {
		return nil
	}
	fault := e.client.Do(ctx, calls...)
	for i, f := range findings {
		if asked[i].block == nil {
			continue
		}
		var err error
		if f.below, err = answeredBlock(asked[i].block); err == nil && asked[i].receipt != nil {
			f.receipt, err = answeredReceipt(asked[i].receipt)
			if hash := f.placed().hash; f.receipt != nil && f.receipt.tx != hash {
				f.receipt, err = nil, fmt.Errorf("%w: another transaction's than %s", ErrReceipt, hash)
			}
		}
		if err != nil {
			f.failed = true
			if fault == nil {
				fault = err
			}
		}
	}
	if fault == nil {
		fault = s.fillReasons(ctx, e, findings)
	}
	return fault
}

// fillReasons asks why the found transactions were reverted, where that is wanted.
func (s *Source) fillReasons(ctx context.Context, e *endpoint, findings []*finding) error {
	receipts := map[Hash]*receipt{}
	for _, f := range findings {
		if f.receipt != nil {
			receipts[f.receipt.tx] = f.receipt
		}
	}
	return s.reasons(ctx, e, receipts)
}

func answeredTransaction(call *jsonrpc.Call, hash Hash) (*transaction, error) {
	if call.Err != nil {
		return nil, call.Err
	}
	tx, err := decodeTransaction(call.Result)
	if err == nil && tx != nil && tx.hash != hash {
		return nil, fmt.Errorf("%w: another transaction than %s", ErrAnswer, hash)
	}
	return tx, err
}

func answeredQuantity(call *jsonrpc.Call) (uint64, error) {
	if call.Err != nil {
		return 0, call.Err
	}
	return decodeQuantity(call.Result)
}

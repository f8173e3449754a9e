package integration

import (
	"testing"
	"time"

	"trackerfleet/workers/ethereum/ethtest"
)

// TestGethSafeAndFinalized has transactions wait for the safe and finalized heads of a real node. While none are to be seen
// blocks of a depth stand in for them; from then on they alone decide, however deep a block lies.
func TestGethSafeAndFinalized(t *testing.T) {
	takesAWhile(t)
	t.Parallel()
	geth := ethtest.StartSealingGeth(t)
	s := newStates(t, geth, "safe_depth: 1\n    finalized_depth: 2")
	t.Run("4 and 10: no node names them", s.standsIn)
	t.Run("4 and 10: the node names them", s.named)
	s.judge(t)
}

const (
	standInSafe, standInFinalized = 1, 2

	wantsSafe, wantsFinalized = `"finality":"safe"`, `"finality":"finalized"`
)

// finals starts trackers that want the safe and the finalized head, of two transactions in one block.
func (s *states) finals(t *testing.T) (safe, finalized *story, b ethtest.Block) {
	t.Helper()
	safe, finalized = s.start(t, s.geth.NewTx(false), wantsSafe), s.start(t, s.geth.NewTx(true), wantsFinalized)
	for _, y := range []*story{safe, finalized} {
		y.next("started", nil)
	}
	return safe, finalized, s.mine(t, safe.tx, finalized.tx)
}

// included reads that y is in a block, which says nothing of a need.
func (y *story) included(b ethtest.Block, index int, outcome string) {
	y.t.Helper()
	y.next("included", data{
		"block": ref(b), "index": index, "outcome": outcome, "gas_used": y.gas(), "fee_paid": y.fee(y.tx), "have": 1,
	})
}

func (y *story) gas() string {
	var receipt struct{ GasUsed string }
	y.geth.Call("eth_getTransactionReceipt", &receipt, y.tx.Hash)
	return decimalOf(receipt.GasUsed)
}

// ends reads the progress that comes with finality, and the end.
func (y *story) ends(b ethtest.Block, end, finality string) {
	y.t.Helper()
	y.next("progress", data{"have": atLeast(1), "head": atLeast(float64(b.Number)), "safe": true})
	y.next(end, data{
		"block": ref(b), "have": atLeast(1), "finality": finality, "latency": span, "gas_used": y.gas(), "fee_paid": y.fee(y.tx),
	})
	y.quiet(end)
}

// standsIn: the depths count from the block on at which the node was first asked in vain.
func (s *states) standsIn(t *testing.T) {
	for _, l := range s.lines {
		l.withoutTags(true)
		defer l.withoutTags(false)
	}
	safe, finalized, b := s.finals(t)
	safe.included(b, 0, "succeeded")
	finalized.included(b, 1, "failed")
	deeper := func() {
		before := time.Now()
		head := s.mine(t).Number
		s.covered = append(s.covered, covered{head - standInSafe, head - standInFinalized, before})
	}
	for range 3 * standInFinalized {
		deeper()
	}
	safe.ends(b, "confirmed", "safe")
	finalized.ends(b, "failed", "finalized")
}

func (s *states) named(t *testing.T) {
	seal := func() ethtest.Block {
		before := time.Now()
		b := s.geth.Seal()
		s.tops = append(s.tops, top{b, before})
		s.covered = append(s.covered, covered{s.geth.Tag("safe"), s.geth.Tag("finalized"), before})
		return b
	}
	seal()
	s.followed(t)
	safe, finalized, b := s.finals(t)
	safe.included(b, 0, "succeeded")
	finalized.included(b, 1, "failed")
	for range standInFinalized {
		s.mine(t)
		safe.quiet("confirming")
		finalized.quiet("confirming")
	}
	seal()
	s.followed(t)
	safe.ends(b, "confirmed", "safe")
	finalized.next("progress", data{"have": standInFinalized + 2, "head": s.geth.Head().Number, "safe": true})
	for s.geth.Head().Number%ethtest.GethEpoch != ethtest.GethEpoch-1 {
		seal()
	}
	s.followed(t)
	finalized.quiet("confirming")
	seal()
	s.followed(t)
	finalized.ends(b, "failed", "finalized")
}

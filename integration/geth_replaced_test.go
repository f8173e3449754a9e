package integration

import (
	"errors"
	"fmt"
	"testing"

	"trackerfleet/integration/checker"
	"trackerfleet/workers/ethereum/ethtest"
)

// kinds are the kinds of replacements.
var kinds = []string{ethtest.Speedup, ethtest.Cancel, ethtest.Other}

// emptyHash is the hash of no data.
const emptyHash = "0xc5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"

// withSlot are params that name the sender and the nonce of a transaction, and what it does.
func withSlot(tx ethtest.Tx) string {
	return fmt.Sprintf(`"from":%q,"nonce":"%d","to":%q,"value":"1","data_hash":%q,`, tx.From, tx.Nonce, tx.To, emptyHash)
}

func replacingData(by ethtest.Tx, kind string, b ethtest.Block) data {
	return data{"by": by.Hash, "kind": kind, "block": ref(b)}
}

// yield reads that the other transaction is in block b, mines until that is final, and reads the end.
func (y *story) yield(by ethtest.Tx, kind string, b ethtest.Block) {
	y.t.Helper()
	y.next("replacing", replacingData(by, kind, b))
	y.yielded(by, kind, b)
}

func (y *story) yielded(by ethtest.Tx, kind string, b ethtest.Block) {
	y.t.Helper()
	for have := y.geth.Head().Number - b.Number + 1; have < 3; have++ {
		y.quiet("confirming")
		y.mine(y.t)
	}
	end := replacingData(by, kind, b)
	end["finality"], end["latency"] = "depth", span
	y.next("replaced", end)
	y.quiet("replaced")
}

// replacedWhilePending: the node itself told what the transaction is; its replacement goes through the pool.
func (s *states) replacedWhilePending(t *testing.T) {
	for _, kind := range kinds {
		y := s.pend(t, confirmations3)
		by := s.geth.Replacement(y.tx, kind)
		s.geth.Submit(by)
		y.yield(by, kind, s.mine(t, by))
	}
}

// replacedUnseen: the start named sender and nonce, and no node ever knew the transaction.
func (s *states) replacedUnseen(t *testing.T) {
	for _, kind := range kinds {
		tx := s.geth.NewTx(false)
		y := s.start(t, tx, withSlot(tx)+confirmations3)
		y.next("started", nil)
		y.awaitLooks(1)
		by := s.geth.Replacement(tx, kind)
		y.yield(by, kind, s.mine(t, by))
	}
}

// replacedWhileMissing: the pool took the replacement and forgot the transaction long before a block had it.
func (s *states) replacedWhileMissing(t *testing.T) {
	y := s.pend(t, confirmations3)
	by := s.geth.Replacement(y.tx, ethtest.Cancel)
	s.geth.Submit(by)
	y.next("missing", data{"since": moment, "last_seen": moment, "checks": atLeast(3)})
	y.yield(by, ethtest.Cancel, s.mine(t, by))
}

// replacedBeforeStart: the nonce was gone when the start came.
func (s *states) replacedBeforeStart(t *testing.T) {
	tx := s.geth.NewTx(false)
	by := s.geth.Replacement(tx, ethtest.Speedup)
	b := s.mine(t, by)
	s.mine(t)
	y := s.start(t, tx, withSlot(tx)+confirmations3)
	y.next("started", nil)
	y.yield(by, ethtest.Speedup, b)
}

// replacementReorganised: the other transaction's block counts for nothing when it is not canonical any more, and ours wins.
func (s *states) replacementReorganised(t *testing.T) {
	tx := s.geth.NewTx(false)
	y := s.start(t, tx, withSlot(tx)+confirmations3)
	y.next("started", nil)
	by := s.geth.Replacement(tx, ethtest.Cancel)
	b := s.mine(t, by)
	y.next("replacing", replacingData(by, ethtest.Cancel, b))
	s.mine(t)
	branch := s.reorg(t, 2, nil, []ethtest.Tx{tx}, nil)
	in := moved(b, branch[1], 2)
	in["outcome_before"] = "replaced"
	y.next("reorged", in)
	y.finish(branch[1])
}

// robbed: our transaction's block is taken back, and the branch has the other one.
func (s *states) robbed(t *testing.T) {
	tx := s.geth.NewTx(false)
	y := s.start(t, tx, withSlot(tx)+confirmations3)
	y.next("started", nil)
	b := s.mine(t, tx)
	y.next("included", s.includedData(tx, b, 0, 3))
	by := s.geth.Replacement(tx, ethtest.Other)
	branch := s.reorg(t, 1, []ethtest.Tx{by}, nil)
	y.next("reorged", reorgedData(b, nil, 1))
	y.yield(by, ethtest.Other, branch[0])
}

// replacedTruth holds a replaced event against the node: ours is in no block, its nonce is used up, by what is said.
func (s *states) replacedTruth(e checker.Event, by, block string) error {
	tx := s.txs[e.ID]
	var receipt, other *struct{ BlockHash, From string }
	s.geth.Call("eth_getTransactionReceipt", &receipt, tx.Hash)
	s.geth.Call("eth_getTransactionReceipt", &other, by)
	var used string
	s.geth.Call("eth_getTransactionCount", &used, tx.From, "latest")
	switch {
	case receipt != nil:
		return fmt.Errorf("it is in block %s", receipt.BlockHash)
	case other == nil || other.BlockHash != block || other.From != tx.From:
		return fmt.Errorf("of the other one the node says %+v", other)
	case used != "0x1":
		return errors.New("its sender has used so many nonces: " + used)
	}
	return nil
}

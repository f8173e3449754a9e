package integration

import (
	"encoding/json"
	"fmt"
	"math/big"
	"testing"

	"trackerfleet/workers/ethereum/ethtest"
)

// TestGethStateTable has every row of the table of states happen on a real node and holds the events that come out, field by field,
// against what was done to the chain. Between the steps nothing more may have been said. In the end every terminal event is
// held against the node.
func TestGethStateTable(t *testing.T) {
	takesAWhile(t)
	t.Parallel()
	s := newStates(t, ethtest.StartGeth(t), "sweep_after: 100ms")
	for _, row := range []struct {
		name string
		run  func(*states, *testing.T)
	}{
		{"1 to 4 and 10: started, pending, included, progress, confirmed", (*states).progressOfAllKinds},
		{"3: included without being seen before", (*states).includedUnseen},
		{"5: reorganised into the same height", (*states).reorgedSameHeight},
		{"5: reorganised into another height", (*states).reorgedOtherHeight},
		{"6: reorganised out, pending, back later", (*states).reorgedPendingBack},
		{"6: reorganised out, missing, back later", (*states).reorgedMissingBack},
		{"7: missing and back", (*states).missingAndBack},
		{"8 and 9: replaced while pending", (*states).replacedWhilePending},
		{"8 and 9: replaced without being seen", (*states).replacedUnseen},
		{"8 and 9: replaced while missing", (*states).replacedWhileMissing},
		{"8 and 9: replaced before the start", (*states).replacedBeforeStart},
		{"8: replacement reorganised out, the original in", (*states).replacementReorganised},
		{"6, 8 and 9: reorganised out, the replacement in", (*states).robbed},
		{"11: failed with its reason", (*states).failedWithReason},
		{"12: dropped without being seen", (*states).droppedUnseen},
		{"12: dropped from the pool", (*states).droppedFromPool},
		{"13: expired while pending", (*states).expiredPending},
		{"13: expired while confirming", (*states).expiredConfirming},
	} {
		t.Run(row.name, func(t *testing.T) { row.run(s, t) })
	}
	s.judge(t)
}

const (
	nobody = "0x00000000000000000000000000000000000000aa" // who all transactions pay to

	confirmations3 = `"finality":{"confirmations":3}`
)

// pendingData are those of the transactions that the wallet makes.
func pendingData(tx ethtest.Tx) data {
	return data{
		"nonce": "0", "from": tx.From, "to": nobody, "value": "1", "first_seen": moment,
		"fees": data{"gas_limit": "21000", "gas_price": "100000000000", "max_fee": "100000000000", "max_priority_fee": "1000000000"},
	}
}

// fee is what the node says that the transaction has cost.
func (s *states) fee(tx ethtest.Tx) string {
	var receipt struct{ GasUsed, EffectiveGasPrice string }
	s.geth.Call("eth_getTransactionReceipt", &receipt, tx.Hash)
	gas, _ := new(big.Int).SetString(receipt.GasUsed, 0)
	price, _ := new(big.Int).SetString(receipt.EffectiveGasPrice, 0)
	return gas.Mul(gas, price).String()
}

// includedData are those of a transaction that succeeded in a block and has one confirmation.
func (s *states) includedData(tx ethtest.Tx, b ethtest.Block, index, need int) data {
	return data{
		"block": ref(b), "index": index, "outcome": "succeeded", "gas_used": "21000", "fee_paid": s.fee(tx), "have": 1, "need": need,
	}
}

func (s *states) confirmedData(tx ethtest.Tx, b ethtest.Block, need int) data {
	return data{
		"block": ref(b), "have": need, "need": need, "finality": "depth", "latency": span, "gas_used": "21000", "fee_paid": s.fee(tx),
	}
}

func progressData(b ethtest.Block, have, need int) data {
	return data{"have": have, "need": need, "head": b.Number + uint64(have) - 1}
}

// finish mines until y, which is in block b, has its three confirmations, and reads its last events.
func (y *story) finish(b ethtest.Block) {
	y.t.Helper()
	for have := y.geth.Head().Number - b.Number + 1; have < 3; have++ {
		y.quiet("confirming")
		y.mine(y.t)
	}
	y.next("progress", progressData(b, 3, 3))
	y.next("confirmed", y.confirmedData(y.tx, b, 3))
	y.quiet("confirmed")
}

// pend starts a tracker whose transaction the pool has, and returns once that is said.
func (s *states) pend(t *testing.T, params string, fields ...string) *story {
	t.Helper()
	tx := s.geth.NewTx(false)
	s.geth.Submit(tx)
	y := s.start(t, tx, params, fields...)
	y.next("started", nil)
	y.next("pending", pendingData(tx))
	return y
}

// confirming starts a tracker whose transaction is then mined, and returns once that is said.
func (s *states) confirming(t *testing.T) (*story, ethtest.Block) {
	t.Helper()
	y := s.start(t, s.geth.NewTx(false), confirmations3)
	y.next("started", nil)
	b := s.mine(t, y.tx)
	y.next("included", s.includedData(y.tx, b, 0, 3))
	return y, b
}

func (s *states) progressOfAllKinds(t *testing.T) {
	const need = 4
	told := map[string][]int{``: {4}, `"every"`: {2, 3, 4}, `[2,4]`: {2, 4}, `"none"`: {}}
	var all []*story
	var txs []ethtest.Tx
	var kinds []string
	for kind := range told {
		tx := s.geth.NewTx(false)
		s.geth.Submit(tx)
		params := fmt.Sprintf(`"chain":%q,"finality":{"confirmations":%d}`, ethtest.Chain, need)
		want := data{"hash": tx.Hash, "chain": ethtest.Chain, "finality": data{"confirmations": need}}
		if kind != "" {
			params += `,"progress":` + kind
		}
		y := s.start(t, tx, params, `"timeout":"1h"`, `"labels":{"row":"1"}`)
		started := data{"source": "dev", "params": want, "labels": data{"row": "1"}, "deadline": ahead}
		if kind != "" {
			want["progress"] = json.RawMessage(kind)
		}
		y.next("started", started)
		y.next("pending", pendingData(tx))
		y.quiet("pending")
		all, txs, kinds = append(all, y), append(txs, tx), append(kinds, kind)
	}
	block := s.mine(t, txs...)
	for i, y := range all {
		y.next("included", s.includedData(y.tx, block, i, need))
		y.quiet("confirming")
	}
	for have := 2; have <= need; have++ {
		s.mine(t)
		for i, y := range all {
			if kind := told[kinds[i]]; len(kind) > 0 && kind[0] == have {
				y.next("progress", progressData(block, have, need))
				told[kinds[i]] = kind[1:]
			}
			if have < need {
				y.quiet("confirming")
			}
		}
	}
	for _, y := range all {
		y.next("confirmed", s.confirmedData(y.tx, block, need))
		y.quiet("confirmed")
	}
}

func (s *states) includedUnseen(t *testing.T) {
	y, b := s.confirming(t)
	y.finish(b)
	late := s.start(t, y.tx, `"finality":{"confirmations":1}`) // it has more than it needs already
	late.next("started", nil)
	have := int(s.geth.Head().Number - b.Number + 1)
	in, end := s.includedData(y.tx, b, 0, 1), s.confirmedData(y.tx, b, 1)
	in["have"], end["have"] = have, have
	late.next("included", in)
	late.next("confirmed", end)
}

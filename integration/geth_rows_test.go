package integration

import (
	"testing"

	"trackerfleet/workers/ethereum/ethtest"
)

func reorgedData(from ethtest.Block, to any, depth int) data {
	return data{"from": ref(from), "to": to, "depth": depth}
}

// moved are the data of a reorganisation out of one block and into another, with the same outcome in both.
func moved(from, to ethtest.Block, depth int) data {
	d := reorgedData(from, ref(to), depth)
	d["outcome_before"], d["outcome_now"] = "succeeded", "succeeded"
	return d
}

func (s *states) reorgedSameHeight(t *testing.T) {
	y, old := s.confirming(t)
	branch := s.reorg(t, 1, []ethtest.Tx{y.tx}, nil)
	y.next("reorged", moved(old, branch[0], 1))
	y.finish(branch[0])
}

func (s *states) reorgedOtherHeight(t *testing.T) {
	y, old := s.confirming(t)
	s.mine(t)
	branch := s.reorg(t, 2, nil, nil, []ethtest.Tx{y.tx})
	y.next("reorged", moved(old, branch[2], 2))
	y.finish(branch[2])
}

// reorgedPendingBack: the old branch alone would have made it final, the new one must begin to count anew.
func (s *states) reorgedPendingBack(t *testing.T) {
	y, old := s.confirming(t)
	s.mine(t)
	s.reorg(t, 2, nil, nil, nil, nil)
	y.next("reorged", reorgedData(old, nil, 2))
	s.geth.Submit(y.tx)
	y.awaitLooks(3)
	y.quiet("pending")
	again := s.mine(t, y.tx)
	y.next("included", s.includedData(y.tx, again, 0, 3))
	y.finish(again)
}

func (s *states) reorgedMissingBack(t *testing.T) {
	y, old := s.confirming(t)
	s.reorg(t, 1, nil, nil)
	y.next("reorged", reorgedData(old, nil, 1))
	s.geth.Forget()
	y.next("missing", data{"since": moment, "last_seen": moment, "checks": atLeast(3)})
	y.quiet("missing")
	again := s.mine(t, y.tx)
	y.next("included", s.includedData(y.tx, again, 0, 3))
	y.finish(again)
}

func (s *states) missingAndBack(t *testing.T) {
	y := s.pend(t, confirmations3)
	for range 2 {
		s.geth.Forget()
		y.next("missing", data{"since": moment, "last_seen": moment, "checks": atLeast(3)})
		y.quiet("missing")
		s.geth.Submit(y.tx)
		y.next("pending", pendingData(y.tx))
		y.quiet("pending")
	}
	b := s.mine(t, y.tx)
	y.next("included", s.includedData(y.tx, b, 0, 3))
	y.finish(b)
}

func (s *states) failedWithReason(t *testing.T) {
	why := data{"reason": "no", "reason_data": ethtest.RevertData}
	for params, reason := range map[string]data{
		`"revert_reason":"call",` + confirmations3: why, `"revert_reason":"off",` + confirmations3: {}, confirmations3: {},
	} {
		y := s.start(t, s.geth.NewTx(true), params)
		y.next("started", nil)
		b := s.mine(t, y.tx)
		var receipt struct{ GasUsed string }
		s.geth.Call("eth_getTransactionReceipt", &receipt, y.tx.Hash)
		gas := decimalOf(receipt.GasUsed)
		in := s.includedData(y.tx, b, 0, 3)
		in["outcome"], in["gas_used"] = "failed", gas
		y.next("included", in)
		for range 2 {
			y.quiet("confirming")
			s.mine(t)
		}
		y.next("progress", progressData(b, 3, 3))
		end := s.confirmedData(y.tx, b, 3)
		end["gas_used"] = gas
		for name, v := range reason {
			end[name] = v
		}
		y.next("failed", end)
		y.quiet("failed")
	}
}

func (s *states) droppedUnseen(t *testing.T) {
	y := s.start(t, s.geth.NewTx(false), `"drop_after":2,"drop_min_age":"0s"`)
	y.next("started", nil)
	y.awaitLooks(4)
	y.quiet("unseen")
	s.mine(t)
	y.awaitLooks(4)
	y.quiet("unseen")
	s.mine(t)
	y.next("dropped", data{"checks": atLeast(8)})
	y.quiet("dropped")
}

func (s *states) droppedFromPool(t *testing.T) {
	y := s.pend(t, `"drop_after":2,"drop_min_age":"0s"`)
	s.mine(t)
	s.mine(t)
	s.geth.Forget()
	y.next("missing", data{"since": moment, "last_seen": moment, "checks": atLeast(3)})
	y.awaitLooks(2)
	y.quiet("missing")
	s.mine(t)
	s.mine(t)
	y.next("dropped", data{"last_seen": moment, "checks": atLeast(5)})
	y.quiet("dropped")
}

func (s *states) expiredPending(t *testing.T) {
	y := s.pend(t, confirmations3, `"timeout":"1s"`)
	y.next("expired", data{"last_status": "pending"})
	y.quiet("expired")
}

func (s *states) expiredConfirming(t *testing.T) {
	y := s.start(t, s.geth.NewTx(true), confirmations3, `"timeout":"1s"`)
	y.next("started", nil)
	s.mine(t, y.tx)
	y.next("included", nil)
	y.next("expired", data{"last_status": "confirming"})
	y.quiet("expired")
}

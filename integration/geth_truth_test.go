package integration

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"trackerfleet/integration/checker"
	"trackerfleet/workers/ethereum/ethtest"
)

// truth holds a terminal event against the node, and against when the chain had come so far.
func (s *states) truth(e checker.Event) error {
	tx := s.txs[e.ID]
	var body struct {
		Block struct {
			Hash   string
			Number uint64
		}
		Have, Need uint64
		Finality   string
		Checks     int
		LastStatus string `json:"last_status"`
		By         string
	}
	if err := json.Unmarshal(e.Body, &body); err != nil {
		return err
	}
	var receipt *struct{ BlockHash, BlockNumber, Status string }
	s.geth.Call("eth_getTransactionReceipt", &receipt, tx.Hash)
	switch e.Type {
	case "confirmed", "failed":
		if receipt == nil || receipt.BlockHash != body.Block.Hash || (receipt.Status == "0x1") != (e.Type == "confirmed") {
			return fmt.Errorf("the node says %+v", receipt)
		}
		var canonical *struct{ Hash string }
		if s.geth.Call("eth_getBlockByNumber", &canonical, receipt.BlockNumber, false); canonical.Hash != receipt.BlockHash {
			return fmt.Errorf("the block at its height is %s", canonical.Hash)
		}
		if body.Finality == "depth" {
			return s.deepEnough(body.Block.Hash, body.Have, body.Need, e.At)
		}
		return s.coveredBy(body.Finality, body.Block.Number, e.At)
	case "replaced":
		if err := s.deepEnough(body.Block.Hash, 3, 3, e.At); err != nil { // what all of these starts ask for
			return err
		}
		return s.replacedTruth(e, body.By, body.Block.Hash)
	case "dropped":
		var known any
		if s.geth.Call("eth_getTransactionByHash", &known, tx.Hash); known != nil {
			return errors.New("the node knows it")
		}
		return s.lookedFor(tx, body.Checks)
	case "expired":
		if receipt != nil && body.LastStatus != "confirming" {
			return fmt.Errorf("the node says %+v", receipt)
		}
	}
	return nil
}

// deepEnough returns why a block did not have so many confirmations at that time.
func (s *states) deepEnough(hash string, have, need uint64, at time.Time) error {
	if have < need || need == 0 {
		return fmt.Errorf("%d confirmations of %d", have, need)
	}
	var number uint64
	for _, top := range s.tops {
		if top.block.Hash == hash {
			number = top.block.Number
		}
		if number > 0 && top.block.Number >= number+have-1 && !top.since.After(at) {
			return nil
		}
	}
	return fmt.Errorf("block %d %s had not %d confirmations at %v", number, hash, have, at)
}

// coveredBy returns why the safe or the finalized head was not at a height at that time.
func (s *states) coveredBy(finality string, number uint64, at time.Time) error {
	for _, c := range s.covered {
		height := map[string]uint64{"safe": c.safe, "finalized": c.finalized}[finality]
		if height >= number && !c.since.After(at) {
			return nil
		}
	}
	return fmt.Errorf("the %s head had not come to %d at %v", finality, number, at)
}

// lookedFor returns why it may not be said yet that a transaction is not there: three looks in vain are needed, at both endpoints.
func (s *states) lookedFor(tx ethtest.Tx, checks int) error {
	a, b := s.lines[0].unknown(tx.Hash), s.lines[1].unknown(tx.Hash)
	if checks < 3 || a+b < checks || a == 0 || b == 0 {
		return fmt.Errorf("%d checks are told, unknown it was %d and %d times", checks, a, b)
	}
	return nil
}

// judge ends the marking tracker, and has all that was said checked.
func (s *states) judge(t *testing.T) {
	t.Helper()
	s.want(t, "stopped", "stop", s.mark.id)
	history, err := checker.Read(t.Context(), s.js, "TRACKER")
	if err != nil {
		t.Fatal(err)
	}
	v := checker.Check(history, checker.Expectation{Accepted: s.accepted, Finished: true, Truth: s.truth})
	if t.Log(v); v.Outcome != checker.Held {
		t.Error("the verdict is another than held")
	}
	for _, e := range history.Events {
		var body struct{ Checks int }
		if e.Type == "missing" && json.Unmarshal(e.Body, &body) == nil {
			if err := s.lookedFor(s.txs[e.ID], body.Checks); err != nil {
				t.Errorf("%s: %v", e, err)
			}
		}
	}
	if lines := loud(s.workers...); len(lines) > 0 {
		t.Errorf("errors were logged: %q", lines)
	}
}

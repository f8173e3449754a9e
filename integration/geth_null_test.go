package integration

import (
	"fmt"
	"testing"

	"trackerfleet/integration/process"
	"trackerfleet/workers/ethereum/ethtest"
)

// doubted are trackers of transactions that a node will say it does not know: one in the pool, one in a block.
type doubted struct {
	*states
	pending, in *story
	block       ethtest.Block
}

const dropsSoon = `"drop_after":1,"drop_min_age":"0s",`

// TestGethNullIsNeverGone puts lines in front of a real node that know no transaction for a while: one of two that says so for
// ever, both of them while they lag, both of them about what is in a block. Nothing is ever said to be gone for that.
func TestGethNullIsNeverGone(t *testing.T) {
	takesAWhile(t)
	t.Parallel()
	d := doubted{states: newStates(t, ethtest.StartGeth(t), "sweep_after: 100ms")}
	d.pending = d.pend(t, dropsSoon+confirmations3)
	d.in = d.start(t, d.geth.NewTx(false), dropsSoon+`"finality":{"confirmations":9}`)
	d.in.next("started", nil)
	d.block = d.mine(t, d.in.tx)
	d.in.next("included", d.includedData(d.in.tx, d.block, 0, 9))
	d.byOne(t)
	d.byBothThatLag(t)
	d.ofWhatIsInABlock(t)
	for d.geth.Head().Number < d.block.Number+8 {
		d.in.quiet("confirming")
		d.mine(t)
	}
	d.in.next("progress", progressData(d.block, 9, 9))
	d.in.next("confirmed", d.confirmedData(d.in.tx, d.block, 9))
	process.Await(t, patience, d.recovered)
	d.judge(t)
}

// lie has both lines know no transaction, and no block above one; 0 is all blocks.
func (d doubted) lie(null bool, frozen uint64) {
	for _, l := range d.lines {
		l.lie(null, frozen)
	}
}

// still fails the test if anything was said since before.
func (d doubted) still() {
	d.pending.t.Helper()
	d.pending.quiet("pending")
	d.in.quiet("confirming")
}

func (d doubted) byOne(t *testing.T) {
	d.lines[0].lie(true, 0)
	for range 2 {
		d.mine(t)
		d.pending.awaitLooks(6)
		d.still()
	}
}

func (d doubted) byBothThatLag(t *testing.T) {
	d.lie(true, d.geth.Head().Number-1)
	for range 8 {
		before := d.pending.looks()
		for _, y := range []*story{d.pending, d.in} {
			d.want(t, "ok", "call", fmt.Sprintf(`{"transaction_id":%q,"op":"refresh"}`, y.id))
		}
		process.Await(t, patience, func() error { return d.pending.lookedAtAfter(before) })
	}
	process.Await(t, patience, func() error { return said(d.workers[0].Process, "source degraded", 1) })
	d.still()
}

func (d doubted) ofWhatIsInABlock(t *testing.T) {
	d.lie(true, 0)
	lost := d.start(t, d.geth.NewTx(false), dropsSoon+confirmations3)
	lost.next("started", nil)
	b := d.mine(t, lost.tx, d.pending.tx)
	for range 3 {
		d.mine(t)
		d.want(t, "ok", "call", fmt.Sprintf(`{"transaction_id":%q,"op":"refresh"}`, d.in.id))
	}
	d.still()
	lost.quiet("unseen")
	d.lie(false, 0)
	for i, y := range []*story{lost, d.pending} {
		found, end := d.includedData(y.tx, b, i, 3), d.confirmedData(y.tx, b, 3)
		found["have"], end["have"] = 4, 4
		y.next("included", found)
		y.next("confirmed", end)
	}
}

// lookedAtAfter returns why the transaction was not asked for since it was before times.
func (y *story) lookedAtAfter(before int) error {
	if y.looks() <= before {
		return fmt.Errorf("%s was not looked at again", y.id)
	}
	return nil
}

// recovered returns why not every trouble that the worker told of is over, or there was none.
func (s *states) recovered() error {
	degraded, over := s.workers[0].Said("source degraded"), s.workers[0].Said("source recovered")
	if degraded == 0 || degraded != over {
		return fmt.Errorf("degraded is said %d times, recovered %d", degraded, over)
	}
	return nil
}

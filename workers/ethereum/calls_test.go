package ethereum_test

import (
	"fmt"
	"maps"
	"testing"
	"time"

	"trackerfleet/workers/ethereum"
	"trackerfleet/workers/ethereum/ethtest"
	"trackerfleet/workers/source"
)

// slow keeps the sweep out of what is counted.
func slow(c *ethereum.Config) { c.SweepAfter = time.Hour }

// watchMany watches n transactions that are in no block, and n that are in one.
func (r *rig) watchMany(n int) {
	txs := make([]ethtest.Tx, n)
	for i := range txs {
		txs[i] = r.node.NewTx(false)
		w := r.watch(txs[i], source.Hint{})
		w.Wake(source.Wake{Height: 1_000_000})
		r.watch(r.node.NewTx(false), source.Hint{})
	}
	r.node.Mine(txs...)
	r.polls(5)
}

// callsPerBlock returns the calls by method while blocks come, one a poll, each with two watched transactions.
func (r *rig) callsPerBlock(blocks int) map[string]int {
	var txs []ethtest.Tx
	for range 2 * blocks {
		txs = append(txs, r.node.NewTx(false))
		r.watch(txs[len(txs)-1], source.Hint{})
	}
	r.polls(5)
	before := r.node.Calls()
	for i := range blocks {
		r.node.Mine(txs[2*i], txs[2*i+1])
		r.polls(1)
	}
	calls := r.node.Calls()
	for method, n := range before {
		calls[method] -= n
	}
	maps.DeleteFunc(calls, func(method string, n int) bool { return n == 0 || method == "eth_chainId" }) // asked once a minute
	return calls
}

// Calls depend on blocks and on what changes, never on how many are watched.
func TestCallsPerBlock(t *testing.T) {
	const blocks = 20
	count := func(n int) (calls map[string]int) {
		bubble(t, slow, func(r *rig) {
			r.watchMany(n / 2)
			if got := r.src.Health().Watched; got != n {
				r.Fatalf("%d watched, want %d", got, n)
			}
			calls = r.callsPerBlock(blocks)
		})
		return calls
	}
	few, many := count(10), count(10_000)
	t.Logf("%d blocks: %v with 10 watches, %v with 10,000", blocks, few, many)
	if fmt.Sprint(few) != fmt.Sprint(many) {
		t.Errorf("calls for %d blocks: %v with 10 watches, %v with 10,000", blocks, few, many)
	}
	if few["eth_getBlockByNumber"] != blocks || few["eth_getTransactionReceipt"] != 2*blocks {
		t.Errorf("calls for %d blocks: %v, want a block each and two receipts", blocks, few)
	}
}

// Blocks are replayed where that is cheaper than looking everything up: since what records know, or what starts say.
func TestReplaySince(t *testing.T) {
	for name, watch := range map[string]func(r *rig, tx ethtest.Tx, since uint64) *watching{
		"hint": func(r *rig, tx ethtest.Tx, since uint64) *watching { return r.watch(tx, source.Hint{Since: since}) },
		"from_block": func(r *rig, tx ethtest.Tx, since uint64) *watching {
			return r.watchParams(tx, source.Hint{}, fmt.Sprintf(`{"hash":%q,"from_block":%d}`, tx.Hash, since+1))
		},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, slow, func(r *rig) { r.replaySince(watch) })
		})
	}
}

func (r *rig) replaySince(watch func(r *rig, tx ethtest.Tx, since uint64) *watching) {
	r.mine(10)
	r.polls(2)
	r.stop()
	since := r.node.Head().Number
	var txs []ethtest.Tx
	for range 200 {
		txs = append(txs, r.node.NewTx(false))
	}
	r.node.Mine(txs[:50]...)
	r.mine(60)
	r.src = r.source(slow)
	var ws []*watching
	for _, tx := range txs {
		ws = append(ws, watch(r, tx, since))
	}
	before := r.node.Calls()
	r.start()
	r.polls(1)
	calls := r.node.Calls()
	if n := calls["eth_getBlockByNumber"] - before["eth_getBlockByNumber"]; n > 63 {
		r.Errorf("%d blocks read, want those since", n)
	}
	for _, w := range ws[:50] {
		w.want(source.Included)
	}
	r.polls(10)
	for _, w := range ws[50:] {
		w.want(source.Absent)
	}
	if n := r.node.Calls()["eth_getTransactionByHash"] - before["eth_getTransactionByHash"]; n != 150 {
		r.Errorf("%d look-ups, want one for each that is in no block", n)
	}
}

// A start that says a block too late is found all the same: it only is looked for later.
func TestFromBlockTooLate(t *testing.T) {
	bubble(t, slow, func(r *rig) {
		tx := r.node.NewTx(false)
		block := r.node.Mine(tx)
		r.mine(200)
		r.polls(2)
		w := r.watchParams(tx, source.Hint{}, fmt.Sprintf(`{"hash":%q,"from_block":%d}`, tx.Hash, block.Number+190))
		r.polls(2)
		if o := w.want(source.Included)[0]; o.Inclusion.Block.Hash != block.Hash {
			t.Errorf("observed %+v", o)
		}
	})
}

// After a long pause with few watches, looking them up is cheaper than reading all blocks.
func TestLongGapWithFewWatches(t *testing.T) {
	bubble(t, slow, func(r *rig) {
		in, block := r.included()
		tx := r.node.NewTx(false)
		w := r.watch(tx, source.Hint{})
		r.polls(1)
		w.want(source.Absent)
		r.stop()
		mined := r.node.Mine(tx)
		r.mine(1000)
		before := r.node.Calls()["eth_getBlockByNumber"]
		r.start()
		r.polls(3)
		if o := w.want(source.Included)[0]; o.Inclusion.Block.Hash != mined.Hash {
			t.Errorf("observed %+v", o)
		}
		in.Wake(source.Wake{Height: block.Number + 500})
		in.want(source.Advanced)
		if n := r.node.Calls()["eth_getBlockByNumber"] - before; n > 60 {
			t.Errorf("%d blocks read for 2 watches and 1,001 blocks", n)
		}
	})
}

// The sweep looks at those in no block, least recently looked at first, within its bound.
func TestSweepBounded(t *testing.T) {
	bounded := func(c *ethereum.Config) { c.SweepAfter, c.SweepBatch = 30*time.Second, 5 }
	bubble(t, bounded, func(r *rig) {
		var ws []*watching
		for range 20 {
			ws = append(ws, r.watch(r.node.NewTx(false), source.Hint{}))
		}
		r.polls(5)
		for _, w := range ws {
			w.want(source.Absent)
		}
		r.polls(20)
		for step := range 4 {
			for {
				before := r.node.Calls()["eth_getTransactionByHash"]
				r.polls(1)
				n := r.node.Calls()["eth_getTransactionByHash"] - before
				if n > 5 {
					r.Fatalf("%d look-ups in one poll, want 5 at most", n)
				}
				if n > 0 {
					break
				}
			}
			for i, w := range ws {
				if seen := len(w.take()); (seen == 1) != (i/5 == step) {
					t.Errorf("sweep %d: watch %d has %d observations", step, i, seen)
				}
			}
		}
	})
}

// Transactions that nobody knows are looked at again and again, which is what has trackers drop them, within so many calls a
// poll, their nonces included, and the head is at hand all the while.
func TestSweepOfUnknown(t *testing.T) {
	const watches, perPoll = 500, 20
	bounded := func(c *ethereum.Config) { c.SweepAfter, c.SweepBatch = 10*time.Second, perPoll }
	bubble(t, bounded, func(r *rig) {
		var ws []*watching
		for range watches {
			tx := r.node.NewTx(false)
			ws = append(ws, r.watchParams(tx, source.Hint{}, slotted(tx)))
		}
		r.polls(10)
		for range 3 * watches / (perPoll - 1) { // one call is for the head of the node that is asked
			head := r.mine(1)
			before := r.node.Calls()
			r.polls(1)
			calls := r.node.Calls()
			n := calls["eth_getTransactionByHash"] + calls["eth_getTransactionCount"] -
				before["eth_getTransactionByHash"] - before["eth_getTransactionCount"]
			if n > perPoll {
				r.Fatalf("%d calls at one poll, want %d at most", n, perPoll)
			}
			if got := r.src.Health().Head; got != head.Number {
				r.Fatalf("head %d, want %d", got, head.Number)
			}
		}
		for i, w := range ws {
			seen := w.take()
			if len(seen) < 3 {
				r.Errorf("watch %d was looked at %d times", i, len(seen))
			}
			for _, o := range seen {
				if o.Kind != source.Absent {
					r.Fatalf("observed %+v", o)
				}
			}
		}
		if n := r.node.Calls()["eth_getTransactionCount"]; n != watches {
			r.Errorf("%d nonces asked for, want one for each account", n)
		}
	})
}

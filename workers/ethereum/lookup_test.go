package ethereum_test

import (
	"testing"

	"trackerfleet/workers/ethereum"
	"trackerfleet/workers/ethereum/ethtest"
	"trackerfleet/workers/source"
)

func narrow(c *ethereum.Config) { c.Window = 5 }

// old mines a transaction so long ago that it is below the window.
func (r *rig) old(reverts bool) (ethtest.Tx, ethtest.Block) {
	tx := r.node.NewTx(reverts)
	block := r.node.Mine(tx)
	r.mine(20)
	r.polls(3)
	return tx, block
}

func TestIncludedBelowTheWindow(t *testing.T) {
	bubble(t, narrow, func(r *rig) {
		tx, block := r.old(true)
		for range 2 {
			w := r.watch(tx, source.Hint{})
			o := w.want(source.Included)[0]
			if o.Inclusion.Block.Hash != block.Hash || o.Inclusion.Success || o.Inclusion.FeePaid != "21000000000000" {
				t.Errorf("observed %+v", o.Inclusion)
			}
			w.Wake(source.Wake{Height: block.Number + 10})
			w.want(source.Advanced)
			w.Refresh()
			r.polls(1)
			w.want(source.Included)
			if c := w.Checks(); c.Last.IsZero() || !c.Next.After(c.Last) {
				t.Errorf("checks are %+v", c)
			}
		}
	})
}

// A node serves blocks of a side branch without complaint; below the window only the canonical block of the height counts.
func TestSideBranchBelowTheWindow(t *testing.T) {
	bubble(t, narrow, func(r *rig) {
		tx := r.node.NewTx(false)
		r.node.Mine(tx)
		other := r.node.Reorg(1, nil, []ethtest.Tx{tx})[1]
		r.mine(20)
		r.polls(3)
		r.node.Misbehave(ethtest.Faults{StaleRcpts: true})
		w := r.watch(tx, source.Hint{})
		r.polls(3)
		w.want()
		r.node.Misbehave(ethtest.Faults{})
		r.polls(3)
		if o := w.want(source.Included)[0]; o.Inclusion.Block.Hash != other.Hash {
			t.Errorf("observed %+v", o)
		}
	})
}

// Blocks of another branch between the window and the latest block are not taken for a chain.
func TestSideBranchInTheGap(t *testing.T) {
	bubble(t, nil, func(r *rig) {
		w, _ := r.included()
		r.mine(3)
		r.polls(1)
		side := r.node.NewTx(false)
		ws := r.watch(side, source.Hint{})
		ws.want(source.Absent)
		r.stop()
		r.node.Mine()
		r.node.Mine(side)
		r.mine(2)
		r.node.Reorg(4, nil, nil, nil, nil, nil)
		r.node.Forget(side)
		r.node.Misbehave(ethtest.Faults{SideBlocks: true})
		r.start()
		r.polls(4)
		w.want()
		for _, o := range ws.take() {
			t.Errorf("observed %+v on a side branch", o)
		}
		r.wantDegraded(true)
		r.node.Misbehave(ethtest.Faults{})
		r.polls(3)
		w.want()
		r.wantDegraded(false)
	})
}

// A node that does not know a transaction whose block still stands has lost it, the chain has not.
func TestUnknownWhileItsBlockStands(t *testing.T) {
	for name, config := range map[string]func(*ethereum.Config){"below the window": narrow, "in the window": nil} {
		t.Run(name, func(t *testing.T) {
			bubble(t, config, func(r *rig) {
				tx, block := r.old(false)
				r.stop()
				r.src = r.source(config)
				r.node.Misbehave(ethtest.Faults{Null: true, NoReceipt: true, EmptyRcpts: true})
				w := r.watch(tx, at(block))
				r.start()
				r.polls(5)
				w.want()
				r.node.Misbehave(ethtest.Faults{})
				r.polls(3)
				w.want(source.Included)
			})
		})
	}
}

// A record that does not reach up to the window is looked up at once; one that does can wait for the sweep.
func TestHintWhileRunning(t *testing.T) {
	bubble(t, narrow, func(r *rig) {
		tx, block := r.old(false)
		w := r.watch(tx, source.Hint{Since: block.Number - 1})
		w.want(source.Included)
		covered := r.watch(r.node.NewTx(false), source.Hint{Since: r.node.Head().Number})
		covered.want()
		r.polls(1)
		covered.want(source.Absent)
	})
}

// Watches that come in a storm don't make a failing node be asked more often than once a poll.
func TestFailingNodeIsLeftAlone(t *testing.T) {
	for name, f := range map[string]ethtest.Faults{
		"look-ups": {Indexing: true}, "receipts": {NoReceipt: true, EmptyRcpts: true}, "all": {HTTP429: true},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, slow, func(r *rig) {
				tx := r.node.NewTx(false)
				r.node.Mine(tx)
				r.polls(1)
				r.node.Misbehave(f)
				if name == "receipts" {
					r.watch(tx, source.Hint{})
				}
				r.polls(1)
				before := total(r.src.Health().Calls)
				for range 100 {
					r.watch(r.node.NewTx(false), source.Hint{})
				}
				if n := total(r.src.Health().Calls) - before; n > 60 {
					t.Errorf("%d calls for 100 watches within a poll", n)
				}
			})
		})
	}
}

func total(calls map[string]uint64) (sum uint64) {
	for _, n := range calls {
		sum += n
	}
	return sum
}

// With few calls allowed the head is still looked at in time.
func TestHeadBeforeLookUps(t *testing.T) {
	limited := func(c *ethereum.Config) { c.Endpoints[0].Rate, c.SweepAfter = 10, 5*poll }
	bubble(t, limited, func(r *rig) {
		r.polls(10)
		for range 500 {
			r.watch(r.node.NewTx(false), source.Hint{})
		}
		for range 20 {
			head := r.mine(1)
			r.polls(3)
			if got := r.src.Health().Head; got != head.Number {
				r.Fatalf("head %d three polls after block %d", got, head.Number)
			}
		}
	})
}

// A wake that held on a branch that is gone waits again on the shorter one that took its place.
func TestWakeOnShorterBranch(t *testing.T) {
	bubble(t, nil, func(r *rig) {
		w, block := r.included()
		r.mine(2)
		w.Wake(source.Wake{Height: block.Number + 4})
		r.node.Misbehave(ethtest.Faults{NoReceipt: true})
		r.node.Reorg(3, []ethtest.Tx{w.tx}, nil, nil, nil, nil) // the wake holds, but the receipt is missing
		r.polls(3)
		w.want()
		r.node.Misbehave(ethtest.Faults{})
		r.node.Reorg(5, []ethtest.Tx{w.tx}, nil)
		r.polls(6)
		w.want(source.Reorged)
		r.mine(3)
		r.polls(2)
		w.want(source.Advanced)
	})
}

func TestRevertReason(t *testing.T) {
	bubble(t, narrow, func(r *rig) {
		asked := func(tx ethtest.Tx) string { return `{"hash":"` + tx.Hash + `","revert_reason":"call"}` }
		below, _ := r.old(true)
		bad, good := r.node.NewTx(true), r.node.NewTx(false)
		w, wg, silent := r.watchParams(bad, source.Hint{}, asked(bad)), r.watchParams(good, source.Hint{}, asked(good)), r.watch(bad, source.Hint{})
		r.node.Mine(bad, good)
		r.polls(2)
		o := w.want(source.Absent, source.Included)[1]
		if o.Inclusion.Reason != "no" || len(o.Inclusion.ReasonData) != 202 {
			t.Errorf("reason %q, data %q", o.Inclusion.Reason, o.Inclusion.ReasonData)
		}
		if o := wg.want(source.Absent, source.Included)[1]; o.Inclusion.Reason != "" {
			t.Errorf("reason %q of a success", o.Inclusion.Reason)
		}
		silent.want(source.Absent, source.Included)
		if o := r.watchParams(below, source.Hint{}, asked(below)).want(source.Included)[0]; o.Inclusion.Reason != "no" {
			t.Errorf("reason %q below the window", o.Inclusion.Reason)
		}
		if n := r.node.Calls()["eth_call"]; n != 2 {
			t.Errorf("%d calls again, want one for each failure", n)
		}
	})
}

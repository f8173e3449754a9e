package ethereum_test

import (
	"slices"
	"testing"

	"trackerfleet/workers/ethereum"
	"trackerfleet/workers/ethereum/ethtest"
	"trackerfleet/workers/source"
)

// kinds returns what was observed of w beside looks in vain.
func (w *watching) kinds() (seen []source.Observation) {
	for _, o := range w.take() {
		if o.Kind != source.Absent && o.Kind != source.Pending {
			seen = append(seen, o)
		}
	}
	return seen
}

// replacedUnfollowed has a transaction replaced so many blocks ago, while no source followed, and returns the replacement and its block.
func (r *rig) replacedUnfollowed(ago int) (tx, other ethtest.Tx, block ethtest.Block) {
	r.stop()
	tx = r.node.NewTx(false)
	other = r.node.Replacement(tx, ethtest.Cancel)
	block = r.node.Mine(other)
	r.mine(ago)
	r.src = r.source(narrow)
	r.start()
	r.polls(2)
	return tx, other, block
}

// What took the nonce below the window is found by halving the heights at which nonces were counted.
func TestReplacementFoundByNonces(t *testing.T) {
	for _, ago := range []int{0, 3, 5, 6, 50, 119} {
		bubble(t, narrow, func(r *rig) {
			r.mine(2)
			tx, other, block := r.replacedUnfollowed(ago)
			r.node.Misbehave(ethtest.Faults{States: 128})
			before := total(r.src.Health().Calls)
			w := r.watchParams(tx, source.Hint{}, slotted(tx))
			r.polls(1)
			calls := total(r.src.Health().Calls) - before
			seen := w.kinds()
			if len(seen) != 1 || seen[0].Kind != source.Replacing {
				t.Fatalf("%d blocks ago: observed %+v", ago, seen)
			}
			replacedBy(t, seen[0], other, "cancel", block)
			if calls > 25 {
				t.Errorf("%d blocks ago: %d calls", ago, calls)
			}
		})
	}
}

// What was taken before any state that the node keeps is used up for good, nobody knows by what.
func TestNonceUsedUpForGood(t *testing.T) {
	for states, ago := range map[uint64]int{128: 200, 64: 80} {
		bubble(t, narrow, func(r *rig) {
			r.mine(2)
			tx, _, _ := r.replacedUnfollowed(ago)
			r.node.Misbehave(ethtest.Faults{States: states})
			w := r.watchParams(tx, source.Hint{}, slotted(tx))
			r.polls(1) // a node may have lost sight of it for a moment: one proof or two say nothing
			if seen := w.kinds(); len(seen) > 0 {
				t.Fatalf("observed %+v at once", seen)
			}
			r.polls(4)
			seen := w.kinds()
			if len(seen) != 1 || seen[0].Kind != source.Replaced || seen[0].By != "" {
				t.Fatalf("observed %+v", seen)
			}
		})
	}
}

// A nonce that is used up only above the final head, or by the word of a node that is behind or knows no states, decides nothing.
func TestNonceDecidesNothing(t *testing.T) {
	for name, f := range map[string]ethtest.Faults{
		"no states":                  {NoStates: true},
		"behind":                     {Lag: 20},
		"transactions not indexed":   {Indexing: true},
		"no transaction and receipt": {Null: true, NoReceipt: true, EmptyRcpts: true},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, narrow, func(r *rig) {
				own := r.node.NewTx(false)
				r.node.Mine(own)
				tx, other, block := r.replacedUnfollowed(15)
				r.node.Misbehave(f)
				w, wo := r.watchParams(tx, source.Hint{}, slotted(tx)), r.watchParams(own, source.Hint{}, slotted(own))
				r.polls(50)
				if seen := w.kinds(); name != "no transaction and receipt" && len(seen) > 0 {
					t.Errorf("observed %+v", seen)
				}
				if seen := wo.kinds(); name != "no states" && len(seen) > 0 {
					t.Errorf("observed %+v of what is in a block", seen)
				}
				wo.Refresh()
				r.node.Misbehave(ethtest.Faults{})
				r.polls(130)
				if name != "no transaction and receipt" {
					replacedBy(t, w.kinds()[0], other, "cancel", block)
				}
				if seen := wo.kinds(); len(seen) != 1 || seen[0].Kind != source.Included {
					t.Errorf("observed %+v of what is in a block", seen)
				}
			})
		})
	}
}

// What is in a block has used its own nonce up, also if the node that is asked has lost sight of it, and of the sender.
func TestNonceUsedUpByItself(t *testing.T) {
	bubble(t, narrow, func(r *rig) {
		tx := r.node.NewTx(false)
		r.node.Mine(tx)
		r.replacedUnfollowed(20)
		r.node.Misbehave(ethtest.Faults{Null: true, NoReceipt: true, EmptyRcpts: true, NoFrom: true})
		w := r.watchParams(tx, source.Hint{}, slotted(tx))
		r.polls(130)
		if seen := w.kinds(); len(seen) > 0 {
			t.Errorf("observed %+v", seen)
		}
	})
}

// Who takes over knows the replacement by its hash alone, and learns from it what else may take the slot.
func TestSlotLearnedFromReplacement(t *testing.T) {
	bubble(t, narrow, func(r *rig) {
		tx, other, block := r.replacedUnfollowed(4)
		third := r.node.Replacement(tx, ethtest.Other)
		hint := at(block)
		hint.By = other.Hash
		r.mine(10)
		r.polls(1)
		w := r.watch(tx, hint)
		replacedBy(t, w.want(source.Replacing)[0], other, "cancel", block)
		moved := r.node.Reorg(15, []ethtest.Tx{third}, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil)[0]
		r.polls(5)
		var last source.Observation
		for _, o := range w.kinds() {
			last = o
		}
		replacedBy(t, last, third, "other", moved)
	})
}

// That a nonce is used up for good, by what nobody knows, takes the word of two nodes if there are two.
func TestNonceUsedUpByTwoNodes(t *testing.T) {
	bubble(t, narrow, func(r *rig) {
		r.mine(2)
		tx, _, _ := r.replacedUnfollowed(200)
		r.stop()
		second := r.node.Peer(r.T)
		r.src = r.source(func(c *ethereum.Config) { narrow(c); twoNodes(second)(c) })
		r.node.Misbehave(ethtest.Faults{States: 128})
		second.Misbehave(ethtest.Faults{NoStates: true})
		r.start()
		w := r.watchParams(tx, source.Hint{}, slotted(tx))
		r.polls(200)
		if seen := w.kinds(); len(seen) > 0 {
			t.Errorf("observed %+v by the word of one node", seen)
		}
		second.Misbehave(ethtest.Faults{})
		r.polls(130)
		if seen := w.kinds(); len(seen) == 0 || seen[0].Kind != source.Replaced {
			t.Errorf("observed %+v", seen)
		}
	})
}

// What nobody sent from the account has used the nonce up: it cannot be named, and is final only when its block is.
func TestNonceUsedUpWithoutTransaction(t *testing.T) {
	bubble(t, narrow, func(r *rig) {
		r.mine(2)
		tx, _, _ := r.replacedUnfollowed(8)
		r.node.Misbehave(ethtest.Faults{NoFrom: true})
		w := r.watchParams(tx, source.Hint{}, slotted(tx))
		r.polls(10)
		if seen := w.kinds(); len(seen) > 0 {
			t.Errorf("observed %+v before it is final", seen)
		}
		r.mine(4)
		r.polls(130)
		if seen := w.kinds(); len(seen) == 0 || slices.ContainsFunc(seen, func(o source.Observation) bool { return o.Kind != source.Replaced }) {
			t.Errorf("observed %+v", seen)
		}
	})
}

package ethereum_test

import (
	"strings"
	"testing"

	"trackerfleet/workers/ethereum"
	"trackerfleet/workers/ethereum/ethtest"
	"trackerfleet/workers/source"
)

// included returns a watch of a transaction that was observed in a block.
func (r *rig) included() (*watching, ethtest.Block) {
	r.Helper()
	tx := r.node.NewTx(false)
	w := r.watch(tx, source.Hint{})
	block := r.node.Mine(tx)
	r.polls(2)
	w.want(source.Absent, source.Included)
	return w, block
}

// The receipt of the block that was reorganised away is not taken for the one of the new block.
func TestStaleReceiptRefused(t *testing.T) {
	bubble(t, nil, func(r *rig) {
		w, old := r.included()
		r.node.Misbehave(ethtest.Faults{StaleRcpts: true})
		blocks := r.node.Reorg(1, nil, []ethtest.Tx{w.tx})
		r.polls(5)
		w.want()
		r.wantDegraded(true)
		if c := r.src.Checkpoint(); c.Height >= blocks[1].Number {
			t.Errorf("checkpoint %+v, but block %d was not handed over", c, blocks[1].Number)
		}
		r.node.Misbehave(ethtest.Faults{})
		r.polls(2)
		o := w.want(source.Reorged)[0]
		if o.From.Block.Hash != old.Hash || o.Inclusion.Block.Hash != blocks[1].Hash || o.Depth != 1 {
			t.Errorf("observed %+v", o)
		}
		r.wantDegraded(false)
	})
}

// A transaction that leaves its block while the receipt of the next one is missing comes from the block that was told.
func TestReorgedAgainBeforeTheReceipt(t *testing.T) {
	bubble(t, nil, func(r *rig) {
		w, told := r.included()
		r.node.Misbehave(ethtest.Faults{NoReceipt: true})
		r.node.Reorg(1, []ethtest.Tx{w.tx}, nil)
		r.polls(3)
		r.node.Reorg(2, nil, nil, nil)
		r.polls(3)
		o := w.want(source.Reorged, source.Pending)[0]
		if o.From.Block.Hash != told.Hash || o.Inclusion != nil {
			t.Errorf("observed %+v, want it out of %s", o, told.Hash)
		}
	})
}

// Below the window nothing can be followed back: everything that was in a block is looked up again.
func TestReorgDeeperThanTheWindow(t *testing.T) {
	small := func(c *ethereum.Config) { c.Window = 6 }
	bubble(t, small, func(r *rig) {
		kept, keptBlock := r.included()
		r.mine(2)
		r.polls(1)
		moved, movedBlock := r.included()
		gone, goneBlock := r.included()
		last := r.mine(9)
		r.polls(2)
		depth := int(last.Number - movedBlock.Number + 1)
		branch := make([][]ethtest.Tx, depth+1)
		branch[1] = []ethtest.Tx{moved.tx}
		blocks := r.node.Reorg(depth, branch...)
		r.node.Forget(gone.tx)
		r.polls(1)
		r.wantDegraded(true)
		if e := r.src.Health().Error; !strings.Contains(e, "deeper than the window") {
			t.Errorf("health's error is %q, want the alarm", e)
		}
		r.polls(3)
		if o := moved.want(source.Reorged)[0]; o.From.Block.Hash != movedBlock.Hash || o.Inclusion.Block.Hash != blocks[1].Hash {
			t.Errorf("moved: %+v", o)
		}
		if o := gone.want(source.Reorged, source.Absent)[0]; o.From.Block.Hash != goneBlock.Hash || o.Inclusion != nil {
			t.Errorf("gone: %+v", o)
		}
		for _, o := range kept.take() {
			if o.Kind != source.Included || o.Inclusion.Block.Hash != keptBlock.Hash {
				t.Errorf("kept: %+v", o)
			}
		}
		r.wantDegraded(false)
	})
}

// A node on another chain looks like a deep reorganisation until it is asked for its chain.
func TestOtherChainIsNoReorg(t *testing.T) {
	bubble(t, nil, func(r *rig) {
		w, _ := r.included()
		r.node.Misbehave(ethtest.Faults{ChainID: 5})
		r.node.Reorg(1, nil, nil, nil)
		r.polls(5)
		w.want()
		r.wantDegraded(true)
	})
}

// A branch that is shorter than ours is what a node stuck on a side branch shows; it is believed only when it stays.
func TestShorterBranch(t *testing.T) {
	bubble(t, nil, func(r *rig) {
		w, block := r.included()
		r.mine(3)
		r.polls(2)
		r.node.Reorg(4, nil)
		r.polls(2)
		w.want()
		r.polls(2)
		if o := w.want(source.Reorged, source.Pending)[0]; o.From.Block.Hash != block.Hash || o.Inclusion != nil {
			t.Errorf("observed %+v", o)
		}
		head := r.node.Head()
		if c := r.src.Checkpoint(); c.Height != head.Number || c.Hash != head.Hash {
			t.Errorf("checkpoint %+v, want %+v", c, head)
		}
	})
}

// A wake asked for on a branch that went away holds when the transaction is in a block again.
func TestWakeOutlivesReorg(t *testing.T) {
	bubble(t, nil, func(r *rig) {
		w, block := r.included()
		w.Wake(source.Wake{Height: block.Number + 3})
		r.node.Reorg(1, nil, nil)
		r.polls(2)
		w.want(source.Reorged, source.Pending)
		r.mine(5)
		r.polls(2)
		w.want()
		r.node.Mine(w.tx)
		r.polls(2)
		w.want(source.Included, source.Advanced)
	})
}

package ethereum_test

import (
	"fmt"
	"math/big"
	"testing"

	"trackerfleet/workers/ethereum/ethtest"
	"trackerfleet/workers/source"
)

// slotted returns params that name the slot of a transaction.
func slotted(tx ethtest.Tx) string {
	return fmt.Sprintf(`{"hash":%q,"from":%q,"nonce":"%d"}`, tx.Hash, tx.From, tx.Nonce)
}

// replacedBy fails the test unless o says that the other transaction is in the block.
func replacedBy(t *testing.T, o source.Observation, other ethtest.Tx, kind string, block ethtest.Block) {
	t.Helper()
	if o.By != other.Hash || o.Replacement != kind || o.Inclusion == nil || o.Inclusion.Block.Hash != block.Hash {
		t.Errorf("observed %+v, want %s by %s in %s", o, kind, other.Hash, block.Hash)
	}
}

// A pending transaction tells its slot, and what it does, by itself.
func TestReplacedWhilePending(t *testing.T) {
	for _, kind := range []string{ethtest.Speedup, ethtest.Cancel, ethtest.Other} {
		t.Run(kind, func(t *testing.T) {
			bubble(t, nil, func(r *rig) {
				tx := r.node.NewTx(false)
				r.node.Submit(tx)
				w := r.watch(tx, source.Hint{})
				w.want(source.Pending)
				other := r.node.Replacement(tx, kind)
				r.node.Submit(other)
				r.polls(2)
				w.want()
				block := r.node.Mine(other)
				r.polls(2)
				replacedBy(t, w.want(source.Replacing)[0], other, kind, block)
				w.Wake(source.Wake{Height: block.Number + 2})
				r.mine(2)
				r.polls(2)
				w.want(source.Advanced)
			})
		})
	}
}

// With sender and nonce in its start a transaction need not be known to any node.
func TestReplacedUnseen(t *testing.T) {
	bubble(t, nil, func(r *rig) {
		tx := r.node.NewTx(false)
		speedup, other := r.watchParams(tx, source.Hint{}, detailed(t, tx)), r.watchParams(tx, source.Hint{}, slotted(tx))
		speedup.want(source.Absent)
		other.want(source.Absent)
		occupant := r.node.Replacement(tx, ethtest.Speedup)
		block := r.node.Mine(occupant)
		r.polls(2)
		replacedBy(t, speedup.want(source.Replacing)[0], occupant, "speedup", block)
		replacedBy(t, other.want(source.Replacing)[0], occupant, "other", block) // it did not say what it does
	})
}

// noData is the hash of no data.
const noData = "0xc5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"

// detailed returns params that name all that a transaction does, too. It must have no data.
func detailed(t testing.TB, tx ethtest.Tx) string {
	value, ok := new(big.Int).SetString(tx.Value, 0)
	if !ok || tx.Input != "0x" {
		t.Fatalf("cannot name what %+v does", tx)
	}
	return fmt.Sprintf(`{"hash":%q,"from":%q,"nonce":"%d","to":%q,"value":"%s","data_hash":%q}`,
		tx.Hash, tx.From, tx.Nonce, tx.To, value, noData)
}

// A start may name the slot of another transaction than its own: the transaction itself tells the right one.
func TestWrongSlotIsCorrected(t *testing.T) {
	bubble(t, nil, func(r *rig) {
		tx, stranger := r.node.NewTx(false), r.node.NewTx(false)
		r.node.Submit(tx)
		w := r.watchParams(tx, source.Hint{}, fmt.Sprintf(`{"hash":%q,"from":%q,"nonce":"%d"}`, tx.Hash, stranger.From, stranger.Nonce))
		w.want(source.Pending)
		r.node.Mine(stranger)
		r.polls(2)
		w.want()
		other := r.node.Replacement(tx, ethtest.Cancel)
		block := r.node.Mine(other)
		r.polls(2)
		replacedBy(t, w.want(source.Replacing)[0], other, "cancel", block)
	})
}

func TestReplacementReorganised(t *testing.T) {
	bubble(t, nil, func(r *rig) {
		tx := r.node.NewTx(false)
		other := r.node.Replacement(tx, ethtest.Cancel)
		w := r.watchParams(tx, source.Hint{}, slotted(tx))
		w.want(source.Absent)
		first := r.node.Mine(other)
		r.polls(2)
		w.want(source.Replacing)

		moved := r.node.Reorg(1, nil, []ethtest.Tx{other})[1]
		r.polls(2)
		o := w.want(source.Reorged)[0]
		replacedBy(t, o, other, "cancel", moved)
		if o.From.Block.Hash != first.Hash {
			t.Errorf("reorged from %+v", o.From)
		}

		own := r.node.Reorg(1, []ethtest.Tx{tx}, nil)[0]
		r.polls(2)
		if o := w.want(source.Reorged)[0]; o.By != "" || o.Inclusion == nil || o.Inclusion.Block.Hash != own.Hash {
			t.Errorf("back in: %+v", o)
		}

		again := r.node.Reorg(2, nil, []ethtest.Tx{other}, nil)[1]
		r.polls(2)
		replacedBy(t, w.want(source.Reorged)[0], other, "cancel", again)

		r.node.Reorg(2, nil, nil, nil)
		r.node.Forget(other)
		r.polls(2)
		w.want(source.Reorged, source.Absent)
	})
}

// What was in a block before anybody knew its slot is known from that block.
func TestIncludedThenReplaced(t *testing.T) {
	bubble(t, nil, func(r *rig) {
		bystander := r.node.NewTx(false)
		r.watchParams(bystander, source.Hint{}, slotted(bystander))
		w, block := r.included()
		other := r.node.Replacement(w.tx, ethtest.Speedup)
		moved := r.node.Reorg(1, []ethtest.Tx{other}, nil)[0]
		r.polls(2)
		o := w.want(source.Reorged)[0]
		replacedBy(t, o, other, "speedup", moved)
		if o.From.Block.Hash != block.Hash {
			t.Errorf("reorged from %+v", o.From)
		}
	})
}

// Whole blocks are read only while the slot of a watched transaction is known, each once, and never an empty one.
func TestWholeBlocksOnlyForSlots(t *testing.T) {
	bubble(t, slow, func(r *rig) {
		r.watch(r.node.NewTx(false), source.Hint{})
		whole := func() int {
			before := r.node.Calls()["eth_getBlockByHash"]
			for range 5 {
				r.node.Mine(r.node.NewTx(false))
				r.node.Mine()
				r.polls(3)
			}
			return r.node.Calls()["eth_getBlockByHash"] - before
		}
		if n := whole(); n != 0 {
			t.Errorf("%d blocks read in full for nobody", n)
		}
		tx := r.node.NewTx(false)
		w := r.watchParams(tx, source.Hint{}, slotted(tx))
		if n := whole(); n != 5 {
			t.Errorf("%d blocks read in full, want the 5 that are not empty", n)
		}
		w.Close()
		if n := whole(); n != 0 {
			t.Errorf("%d blocks read in full after the last slot was given up", n)
		}
	})
}

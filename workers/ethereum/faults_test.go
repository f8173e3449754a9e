package ethereum_test

import (
	"testing"

	"trackerfleet/workers/ethereum/ethtest"
	"trackerfleet/workers/source"
)

// A node that lacks something, or answers in its own way, is followed all the same.
func TestFollowedInSpiteOf(t *testing.T) {
	for _, test := range []struct {
		name string
		ethtest.Faults
	}{
		{"batch cap", ethtest.Faults{BatchCap: 3}},
		{"batch cap in geth's way", ethtest.Faults{BatchCap: 3, CapInArray: true}},
		{"no batches at all", ethtest.Faults{BatchCap: 1}},
		{"half a batch", ethtest.Faults{HalfBatch: true}},
		{"answers in another order", ethtest.Faults{Shuffle: true}},
		{"no block receipts", ethtest.Faults{NoBlockRcpt: true}},
		{"empty block receipts", ethtest.Faults{EmptyRcpts: true}},
		{"a good node", ethtest.Faults{}},
	} {
		t.Run(test.name, func(t *testing.T) {
			bubble(t, nil, func(r *rig) {
				r.node.Misbehave(test.Faults)
				txs := make([]ethtest.Tx, 40)
				ws := make([]*watching, len(txs))
				for i := range txs {
					txs[i] = r.node.NewTx(i%2 == 1)
					ws[i] = r.watch(txs[i], source.Hint{})
				}
				r.mine(5)
				block := r.node.Mine(txs...)
				r.polls(2)
				for i, w := range ws {
					o := w.want(source.Absent, source.Included)[1]
					if o.Inclusion.Block.Hash != block.Hash || o.Inclusion.Index != uint64(i) || o.Inclusion.Success == (i%2 == 1) {
						t.Errorf("transaction %d: %+v", i, o.Inclusion)
					}
				}
				r.wantDegraded(false)
				if n := test.BatchCap; n > 0 && r.node.LargestBatch() > 50 {
					t.Errorf("a batch of %d", r.node.LargestBatch())
				}
			})
		})
	}
}

// One node of several behind one address may be a block late now and then; that is no trouble.
func TestHeadDownForAMoment(t *testing.T) {
	bubble(t, nil, func(r *rig) {
		r.mine(5)
		r.polls(2)
		for range 5 {
			r.node.Misbehave(ethtest.Faults{Lag: 2})
			r.polls(2)
			r.wantDegraded(false)
			r.node.Misbehave(ethtest.Faults{})
			r.polls(1)
		}
		r.node.Misbehave(ethtest.Faults{Lag: 2})
		r.polls(4)
		r.wantDegraded(true)
		if h := r.src.Health(); h.Head != r.node.Head().Number {
			t.Errorf("head %d, want %d: it never goes down for a lagging node", h.Head, r.node.Head().Number)
		}
	})
}

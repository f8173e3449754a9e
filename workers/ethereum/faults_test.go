package ethereum_test

import (
	"strings"
	"testing"
	"time"

	"trackerfleet/workers/ethereum"
	"trackerfleet/workers/ethereum/ethtest"
	"trackerfleet/workers/source"
)

const maxBody = 100_000

// A node in trouble changes no transaction's status; Health says so; and everything goes on when the trouble is over.
func TestFaultDecidesNothing(t *testing.T) {
	for _, test := range []struct {
		name string
		ethtest.Faults
	}{
		{"lags", ethtest.Faults{Lag: 3}},
		{"lags by more than the chain has", ethtest.Faults{Lag: 1000}},
		{"knows no receipt", ethtest.Faults{NoReceipt: true}},
		{"429", ethtest.Faults{HTTP429: true}},
		{"429 with Retry-After", ethtest.Faults{HTTP429: true, RetryAfter: 7 * time.Second}},
		{"429 in a 200", ethtest.Faults{RPC429: true}},
		{"429 in a 200 with a time", ethtest.Faults{RPC429: true, RetryAfter: 7 * time.Second}},
		{"receipts of another block", ethtest.Faults{OtherRcpts: true}},
		{"another one's receipts and transactions", ethtest.Faults{OtherTx: true}},
		{"half a batch", ethtest.Faults{HalfBatch: true}},
		{"garbage", ethtest.Faults{Garbage: true}},
		{"truncated", ethtest.Faults{Truncated: true}},
		{"too large", ethtest.Faults{Huge: maxBody}},
		{"hangs", ethtest.Faults{Hang: true}},
		{"drops connections", ethtest.Faults{Drop: true}},
		{"unavailable", ethtest.Faults{Unavailable: true}},
		{"another chain", ethtest.Faults{ChainID: 1}},
		{"indexing", ethtest.Faults{Indexing: true}},
		{"refuses batches and knows no receipt", ethtest.Faults{BatchCap: 1, NoReceipt: true}},
	} {
		t.Run(test.name, func(t *testing.T) {
			capped := func(c *ethereum.Config) { c.MaxBody = maxBody } // the default of 10 MB is the client's test
			bubble(t, capped, func(r *rig) { faultDecidesNothing(r, test.Faults) })
		})
	}
}

func faultDecidesNothing(r *rig, faults ethtest.Faults) {
	tx, pendingTx := r.node.NewTx(false), r.node.NewTx(false)
	in, pending, unseen := r.watch(tx, source.Hint{}), r.watch(pendingTx, source.Hint{}), r.watch(r.node.NewTx(false), source.Hint{})
	r.node.Submit(pendingTx)
	r.mine(3)
	block := r.node.Mine(tx)
	pending.Refresh()
	r.polls(3)
	in.want(source.Absent, source.Included)
	pending.want(source.Absent, source.Pending)
	unseen.want(source.Absent)
	in.Wake(source.Wake{Height: block.Number + 2})
	r.wantDegraded(false)

	r.node.Misbehave(faults)
	r.mine(1)
	included := r.node.Mine(pendingTx)
	r.polls(70) // beyond the next question for the chain
	late := r.watch(r.node.NewTx(false), source.Hint{})
	for _, w := range []*watching{in, pending, unseen} {
		w.Refresh()
		r.polls(2)
	}
	r.wantDegraded(true)
	if e := r.src.Health().Error; e == "" || strings.Contains(e, "secretkey") {
		r.Errorf("health's error is %q", e)
	}
	found := pending.wantOnly(source.Pending, included) // trouble may leave the blocks readable: then the truth is told
	in.wantOnly(source.Advanced, block)
	unseen.take()
	late.take()

	r.node.Misbehave(ethtest.Faults{})
	late.Refresh()
	r.polls(90) // a hanging request, a pause
	r.wantDegraded(false)
	if !pending.wantOnly(source.Pending, included) && !found {
		r.Errorf("the inclusion in %s was never observed", included.Hash)
	}
	in.wantOnly(source.Advanced, block)
	if seen := late.take(); len(seen) == 0 || seen[0].Kind != source.Absent {
		r.Errorf("observed %+v, want absent", seen)
	}
	if c := r.src.Checkpoint(); c.Height != included.Number {
		r.Errorf("checkpoint %+v, want height %d", c, included.Number)
	}
}

// wantOnly fails the test if anything was observed but observations of the kind and the inclusion in b. It reports whether the
// latter was.
func (w *watching) wantOnly(kind source.Kind, b ethtest.Block) (included bool) {
	w.r.Helper()
	for _, o := range w.take() {
		switch {
		case o.Kind == source.Included && o.Inclusion.Block.Hash == b.Hash:
			included = true
		case o.Kind != kind:
			w.r.Errorf("%+v observed, want only kind %d and the inclusion in %s", o, kind, b.Hash)
		}
	}
	return included
}

// A node that lacks something, or answers in its own way, is followed all the same.
func TestFollowedInSpiteOf(t *testing.T) {
	for _, test := range []struct {
		name string
		ethtest.Faults
	}{
		{"batch cap", ethtest.Faults{BatchCap: 3}},
		{"batch cap in geth's way", ethtest.Faults{BatchCap: 3, CapInArray: true}},
		{"no batches at all", ethtest.Faults{BatchCap: 1}},
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

package ethereum_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"trackerfleet/workers/ethereum"
	"trackerfleet/workers/ethereum/ethtest"
	"trackerfleet/workers/source"
)

// seeds is how many random histories are tried.
const seeds = 60

// Whatever chain and node do, and however often the source is restarted or replaced, what was observed last is the truth once
// everything has calmed down, and no history of observations contradicts itself.
func TestRandomHistories(t *testing.T) {
	for seed := range uint64(seeds) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			small := func(c *ethereum.Config) { c.Window, c.SweepAfter = 6+int(seed%3)*20, 20*time.Second }
			bubble(t, small, func(r *rig) {
				h := &history{rig: r, rand: rand.New(rand.NewPCG(seed, 1)), change: small, in: map[string]ethtest.Block{}}
				r.mine(40)
				for range 120 {
					h.step()
				}
				h.calm()
			})
		})
	}
}

// history is a random course of events.
type history struct {
	*rig
	rand   *rand.Rand
	change func(*ethereum.Config)
	ws     []*story
	in     map[string]ethtest.Block // the truth: where transactions are
}

// story is a watched transaction and what its observer knows.
type story struct {
	*watching
	told *source.Inclusion
}

// pick returns a transaction that is in no block.
func (h *history) pick() (txs []ethtest.Tx) {
	for _, s := range h.ws {
		if _, in := h.in[s.tx.Hash]; !in && h.rand.IntN(4) == 0 {
			txs = append(txs, s.tx)
		}
	}
	return txs
}

func (h *history) step() {
	switch h.rand.IntN(12) {
	case 0, 1:
		h.ws = append(h.ws, &story{watching: h.watch(h.node.NewTx(h.rand.IntN(3) == 0), source.Hint{})})
	case 2, 3, 4:
		h.place(h.node.Mine(h.pick()...))
	case 5:
		h.reorg()
	case 6:
		faults := []ethtest.Faults{
			{},
			{Lag: 2},
			{NoReceipt: true},
			{StaleRcpts: true},
			{OtherRcpts: true},
			{HalfBatch: true},
			{Garbage: true},
			{Indexing: true},
			{BatchCap: 2},
			{ChainID: 9},
			{HTTP429: true},
			{Drop: true},
			{Shuffle: true},
			{NoBlockRcpt: true},
			{OtherTx: true},
			{Null: true, NoReceipt: true},
		}
		h.node.Misbehave(faults[h.rand.IntN(len(faults))])
	case 7:
		h.node.Misbehave(ethtest.Faults{})
	case 8:
		if len(h.ws) > 0 {
			h.ws[h.rand.IntN(len(h.ws))].Refresh()
		}
	case 9:
		h.takeOver()
	default:
		h.polls(1 + h.rand.IntN(3))
	}
	h.read()
}

func (h *history) place(b ethtest.Block) {
	for _, tx := range b.Txs {
		h.in[tx.Hash] = b
	}
}

func (h *history) reorg() {
	depth := 1 + h.rand.IntN(10)
	floor := h.node.Head().Number - uint64(depth)
	for hash, b := range h.in {
		if b.Number > floor {
			delete(h.in, hash)
		}
	}
	branch := make([][]ethtest.Tx, depth+1)
	for i := range branch {
		if h.rand.IntN(2) == 0 {
			continue
		}
		for _, tx := range h.pick() {
			h.in[tx.Hash] = ethtest.Block{} // taken
			branch[i] = append(branch[i], tx)
		}
	}
	for _, b := range h.node.Reorg(depth, branch...) {
		h.place(b)
	}
}

// takeOver stops the source, lets blocks pass, and goes on with the same one or with a new one that knows only the hints.
func (h *history) takeOver() {
	h.polls(1)
	h.read()
	h.stop()
	since := h.src.Checkpoint().Height
	for range h.rand.IntN(12) {
		h.place(h.node.Mine(h.pick()...))
	}
	if h.rand.IntN(2) == 0 {
		h.start()
		return
	}
	h.read()
	h.src = h.source(h.change)
	for _, s := range h.ws {
		hint := source.Hint{Since: since}
		if s.told != nil {
			hint.Block = &s.told.Block
		}
		s.watching = h.watch(s.tx, hint)
	}
	h.start()
}

// read takes the observations in and fails the test at the first that contradicts those before.
func (h *history) read() {
	h.Helper()
	for _, s := range h.ws {
		for _, o := range s.take() {
			switch o.Kind {
			case source.Included:
				if s.told != nil && s.told.Block.Hash != o.Inclusion.Block.Hash {
					h.Fatalf("included in %s while in %s", o.Inclusion.Block.Hash, s.told.Block.Hash)
				}
				s.told = o.Inclusion
			case source.Reorged:
				if s.told == nil || s.told.Block.Hash != o.From.Block.Hash || o.Depth == 0 {
					h.Fatalf("reorged from %+v while told %+v", o.From, s.told)
				}
				s.told = o.Inclusion
			case source.Absent, source.Pending, source.Advanced:
				if (s.told == nil) == (o.Kind == source.Advanced) {
					h.Fatalf("kind %d while told %+v", o.Kind, s.told)
				}
			default:
				h.Fatalf("observed %+v", o)
			}
		}
	}
}

// calm lets everything settle and compares what was told with the truth.
func (h *history) calm() {
	h.node.Misbehave(ethtest.Faults{})
	h.mine(8) // over any branch that was longer
	h.polls(60)
	h.read()
	h.wantDegraded(false)
	for _, s := range h.ws {
		b, in := h.in[s.tx.Hash]
		switch {
		case in != (s.told != nil):
			h.Errorf("%s: told %+v, the truth is %v %+v", s.tx.Hash, s.told, in, b)
		case in && (s.told.Block.Hash != b.Hash || s.told.Success == s.tx.Reverts):
			h.Errorf("%s: told %+v, the truth is %+v", s.tx.Hash, s.told, b)
		}
	}
	if c, head := h.src.Checkpoint(), h.node.Head(); c.Hash != head.Hash {
		h.Errorf("checkpoint %+v, want %d %s", c, head.Number, head.Hash)
	}
}

package ethereum_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
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
	params string
	rivals []ethtest.Tx // that may take its place; none if its start doesn't name its slot
	told   *source.Inclusion
	over   bool   // its nonce is used up for good
	by     string // the other one that is there as told
}

// begin watches a new transaction, which may be replaced if its start names its slot.
func (h *history) begin() {
	tx := h.node.NewTx(h.rand.IntN(3) == 0)
	s := &story{params: fmt.Sprintf(`{"hash":%q}`, tx.Hash)}
	if h.rand.IntN(2) == 0 {
		s.params = slotted(tx)
		s.rivals = []ethtest.Tx{h.node.Replacement(tx, ethtest.Speedup), h.node.Replacement(tx, ethtest.Cancel)}
	}
	s.watching = h.watchParams(tx, source.Hint{}, s.params)
	h.ws = append(h.ws, s)
}

// pick returns transactions whose slots are free, watched ones or others in their place.
func (h *history) pick() (txs []ethtest.Tx) {
	for _, s := range h.ws {
		if _, taken := h.truth(s); taken || h.rand.IntN(4) != 0 {
			continue
		}
		tx := s.tx
		if len(s.rivals) > 0 && h.rand.IntN(2) == 0 {
			tx = s.rivals[h.rand.IntN(len(s.rivals))]
		}
		txs = append(txs, tx)
	}
	return txs
}

// truth returns what is in the chain of s: its transaction or another in its place.
func (h *history) truth(s *story) (tx ethtest.Tx, in bool) {
	for _, tx := range append(s.rivals[:len(s.rivals):len(s.rivals)], s.tx) {
		if _, in := h.in[tx.Hash]; in {
			return tx, true
		}
	}
	return ethtest.Tx{}, false
}

func (h *history) step() {
	switch h.rand.IntN(12) {
	case 0, 1:
		h.begin()
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
			{NoStates: true},
			{NoFrom: true},
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
			hint.Block, hint.By = &s.told.Block, s.by
		}
		s.watching = h.watchParams(s.tx, hint, s.params)
	}
	h.start()
}

// read takes the observations in and fails the test at the first that contradicts those before.
func (h *history) read() {
	h.Helper()
	for _, s := range h.ws {
		for _, o := range s.take() {
			switch o.Kind {
			case source.Included, source.Replacing:
				if s.told != nil && (s.told.Block.Hash != o.Inclusion.Block.Hash || s.by != o.By) {
					h.Fatalf("in %s by %q while in %s by %q", o.Inclusion.Block.Hash, o.By, s.told.Block.Hash, s.by)
				}
				s.told, s.by = o.Inclusion, o.By
			case source.Reorged:
				if s.told == nil || s.told.Block.Hash != o.From.Block.Hash || o.Depth == 0 {
					h.Fatalf("reorged from %+v while told %+v", o.From, s.told)
				}
				s.told, s.by = o.Inclusion, o.By
			case source.Absent, source.Pending, source.Advanced:
				if (s.told == nil) == (o.Kind == source.Advanced) {
					h.Fatalf("kind %d while told %+v", o.Kind, s.told)
				}
			case source.Replaced: // by what says no sender
				if tx, in := h.truth(s); !in || tx.Hash == s.tx.Hash {
					h.Fatalf("%s: replaced, the truth is %v %+v", s.tx.Hash, in, tx)
				}
				s.over = true
			default:
				h.Fatalf("observed %+v", o)
			}
		}
	}
	h.ws = slices.DeleteFunc(h.ws, func(s *story) bool {
		if s.over {
			s.Close()
		}
		return s.over
	})
}

// calm lets everything settle and compares what was told with the truth.
func (h *history) calm() {
	h.node.Misbehave(ethtest.Faults{})
	h.mine(8) // over any branch that was longer
	h.polls(60)
	h.read()
	h.wantDegraded(false)
	for _, s := range h.ws {
		tx, in := h.truth(s)
		b, by := h.in[tx.Hash], tx.Hash
		if by == s.tx.Hash {
			by = ""
		}
		switch {
		case in != (s.told != nil):
			h.Errorf("%s: told %+v, the truth is %v %+v", s.tx.Hash, s.told, in, b)
		case in && (s.told.Block.Hash != b.Hash || s.told.Success == tx.Reverts || s.by != by):
			h.Errorf("%s: told %+v by %q, the truth is %+v by %q", s.tx.Hash, s.told, s.by, b, by)
		}
	}
	if c, head := h.src.Checkpoint(), h.node.Head(); c.Hash != head.Hash {
		h.Errorf("checkpoint %+v, want %d %s", c, head.Number, head.Hash)
	}
}

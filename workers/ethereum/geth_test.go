package ethereum_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"trackerfleet/workers/ethereum"
	"trackerfleet/workers/ethereum/ethtest"
	"trackerfleet/workers/source"
	"trackerfleet/workers/source/sourcetest"
)

func TestConformanceGeth(t *testing.T) {
	geth := ethtest.StartGeth(t)
	sourcetest.Run(t, func(t *testing.T) sourcetest.Harness { return newHarness(t, geth, 60) })
}

// channel is an observer that hands everything on.
type channel chan source.Observation

// Observe hands o on.
func (c channel) Observe(o source.Observation) { c <- o }

// next returns the next observation that is neither absent nor pending, unless one of those is wanted.
func (c channel) next(t *testing.T, want source.Kind) source.Observation {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for {
		select {
		case o := <-c:
			if o.Kind == want {
				return o
			}
			if o.Kind != source.Absent && o.Kind != source.Pending {
				t.Fatalf("observed %+v, want kind %d", o, want)
			}
		case <-ctx.Done():
			t.Fatalf("kind %d was never observed", want)
		}
	}
}

// follow runs a source on geth until the test ends.
func follow(t *testing.T, geth *ethtest.Geth) *ethereum.Source {
	t.Helper()
	return running(t, ethereum.Config{
		Chain: ethtest.Chain, Endpoints: []ethereum.Endpoint{{URL: geth.URL()}}, Poll: 20 * time.Millisecond,
	})
}

// running runs a source until the test ends.
func running(t *testing.T, cfg ethereum.Config) *ethereum.Source {
	t.Helper()
	src := newSource(t, cfg)
	ctx, cancel := context.WithCancelCause(context.WithoutCancel(t.Context())) // t.Context ends before the cleanup
	ended := make(chan error, 1)
	go func() { ended <- src.Run(ctx) }()
	t.Cleanup(func() {
		cancel(errOver)
		if err := <-ended; !errors.Is(err, errOver) {
			t.Errorf("Run returned %v", err)
		}
	})
	return src
}

func watchGeth(t *testing.T, src *ethereum.Source, params string) (channel, source.Handle) {
	t.Helper()
	target, err := src.Parse("id", []byte(params))
	if err != nil {
		t.Fatal(err)
	}
	c := make(channel, 1000)
	h := src.Watch(target, source.Hint{}, c)
	t.Cleanup(h.Close)
	return c, h
}

// What only a real node can show: its own words for pending, reverted and tags, and its rules for pools and branches.
func TestGeth(t *testing.T) {
	geth := ethtest.StartGeth(t)
	src := follow(t, geth)
	watch := func(t *testing.T, tx ethtest.Tx) (channel, source.Handle) {
		return watchGeth(t, src, fmt.Sprintf(`{"hash":%q,"chain":%q,"revert_reason":"call"}`, tx.Hash, ethtest.Chain))
	}
	t.Run("not found, pending, included, at a depth", func(t *testing.T) {
		tx := geth.NewTx(false)
		c, h := watch(t, tx)
		c.next(t, source.Absent)
		geth.Submit(tx)
		h.Refresh()
		p := c.next(t, source.Pending).Pending
		if p.From != tx.From || p.Nonce != "0" || p.Value != "1" || p.Fees["max_fee"] != "100000000000" || p.Fees["gas_limit"] != "21000" {
			t.Errorf("pending %+v", p)
		}
		block := geth.Mine(tx)
		in := c.next(t, source.Included).Inclusion
		if in.Block.Hash != block.Hash || !in.Success || in.GasUsed != "21000" || in.FeePaid == "" {
			t.Errorf("included %+v", in)
		}
		h.Wake(source.Wake{Height: block.Number + 3})
		for range 3 {
			geth.Mine()
		}
		if o := c.next(t, source.Advanced); o.Head != block.Number+3 {
			t.Errorf("advanced %+v", o)
		}
	})
	t.Run("reverted", func(t *testing.T) {
		tx := geth.NewTx(true)
		c, _ := watch(t, tx)
		geth.Mine(tx)
		in := c.next(t, source.Included).Inclusion
		if in.Success || in.Reason != "no" || in.ReasonData != ethtest.RevertData {
			t.Errorf("included %+v", in)
		}
	})
	t.Run("three ways of a reorganisation", func(t *testing.T) { reorgsOnGeth(t, geth, watch) })
	t.Run("replaced long before anybody asked", func(t *testing.T) { replacedOnGeth(t, geth, src) })
	t.Run("a tag that does not move is not replaced by depth", func(t *testing.T) {
		tx := geth.NewTx(false)
		c, h := watch(t, tx)
		block := geth.Mine(tx)
		c.next(t, source.Included)
		h.Wake(source.Wake{Height: block.Number, Head: source.Finalized}) // in dev mode geth's finalized block stays where it is
		var head ethtest.Block
		for range 70 {
			head = geth.Mine()
		}
		until(t, func() bool { return src.Checkpoint().Height == head.Number })
		if h := src.Health(); h.Finalized >= block.Number || len(h.Notices) > 0 {
			t.Errorf("finalized %d of %d, notices %q", h.Finalized, head.Number, h.Notices)
		}
		if len(c) > 0 {
			t.Errorf("observed %+v", <-c)
		}
	})
}

// until waits for a real process to get somewhere.
func until(t *testing.T, cond func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !cond() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatal("never")
		}
	}
}

func reorgsOnGeth(t *testing.T, geth *ethtest.Geth, watch func(*testing.T, ethtest.Tx) (channel, source.Handle)) {
	same, moved, gone := geth.NewTx(false), geth.NewTx(false), geth.NewTx(false)
	cs, _ := watch(t, same)
	cm, _ := watch(t, moved)
	cg, hg := watch(t, gone)
	old := geth.Mine(same, moved, gone)
	for _, c := range []channel{cs, cm, cg} {
		c.next(t, source.Included)
	}
	blocks := geth.Reorg(1, []ethtest.Tx{same}, []ethtest.Tx{moved})
	o := cs.next(t, source.Reorged)
	if o.From.Block.Hash != old.Hash || o.Inclusion == nil || o.Inclusion.Block.Hash != blocks[0].Hash || o.Depth != 1 {
		t.Errorf("same height: %+v", o)
	}
	// Between geth's two commits the branch is as long as the old one and without the others: both ways to tell are true.
	o = cm.next(t, source.Reorged)
	if o.Inclusion == nil {
		o = cm.next(t, source.Included)
	}
	if o.Inclusion.Block.Hash != blocks[1].Hash {
		t.Errorf("another height: %+v", o)
	}
	if o := cg.next(t, source.Reorged); o.From.Block.Hash != old.Hash || o.Inclusion != nil {
		t.Errorf("never back: %+v", o)
	}
	hg.Refresh()
	again := geth.Mine(gone)
	if o := cg.next(t, source.Included); o.Inclusion.Block.Hash != again.Hash {
		t.Errorf("back later: %+v", o)
	}
}

// replacedOnGeth finds by nonces what took them: by name within the states that nodes keep, and that they are used up beyond.
func replacedOnGeth(t *testing.T, geth *ethtest.Geth, src *ethereum.Source) {
	old, recent := geth.NewTx(false), geth.NewTx(false)
	geth.Mine(geth.Replacement(old, ethtest.Cancel))
	for range 70 {
		geth.Mine()
	}
	other := geth.Replacement(recent, ethtest.Speedup)
	block := geth.Mine(other)
	head := block
	for range 60 {
		head = geth.Mine()
	}
	until(t, func() bool { return src.Checkpoint().Height == head.Number })
	co, _ := watchGeth(t, src, slotted(old))
	cr, _ := watchGeth(t, src, detailed(t, recent))
	if o := co.next(t, source.Replaced); o.By != "" {
		t.Errorf("replaced %+v", o)
	}
	replacedBy(t, cr.next(t, source.Replacing), other, "speedup", block)
}

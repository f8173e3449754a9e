package ethereum_test

import (
	"strings"
	"testing"

	"trackerfleet/workers/ethereum"
	"trackerfleet/workers/ethereum/ethtest"
	"trackerfleet/workers/source"
)

func shallow(c *ethereum.Config) { c.SafeDepth, c.FinalizedDepth = 3, 6 }

func TestTagsAskedForOnlyWhenWanted(t *testing.T) {
	bubble(t, shallow, func(r *rig) {
		w, block := r.included()
		before := r.node.Calls()["eth_getBlockByNumber"]
		r.polls(10)
		if n := r.node.Calls()["eth_getBlockByNumber"] - before; n != 10 {
			t.Errorf("%d blocks asked for in 10 polls, want the latest only", n)
		}
		r.mine(4)
		r.node.SetTags(block.Number-1, block.Number-1)
		w.Wake(source.Wake{Height: block.Number, Head: source.Finalized})
		r.polls(2)
		w.want()
		r.node.SetTags(block.Number+1, block.Number)
		r.polls(2)
		if o := w.want(source.Advanced)[0]; o.Finalized != block.Number || o.Finalized > o.Head {
			t.Errorf("observed %+v", o)
		}
	})
}

func TestTagNeverGoesBack(t *testing.T) {
	bubble(t, shallow, func(r *rig) {
		w, block := r.included()
		r.mine(4)
		w.Wake(source.Wake{Height: block.Number + 3, Head: source.Safe})
		r.node.SetTags(block.Number+2, 0)
		r.polls(2)
		for _, f := range []ethtest.Faults{{NoTags: true}, {RefuseTags: true}} {
			r.node.Misbehave(f)
			r.polls(20)
		}
		r.node.Misbehave(ethtest.Faults{})
		r.node.SetTags(block.Number-1, 0)
		r.polls(2)
		if h := r.src.Health(); h.Safe != block.Number+2 {
			t.Errorf("safe head %d, want %d", h.Safe, block.Number+2)
		}
		w.want()
	})
}

func TestTagsNotOffered(t *testing.T) {
	for name, f := range map[string]ethtest.Faults{"refused": {RefuseTags: true}, "null": {NoTags: true}} {
		t.Run(name, func(t *testing.T) {
			bubble(t, shallow, func(r *rig) {
				r.node.Misbehave(f)
				w, block := r.included()
				w.Wake(source.Wake{Height: block.Number, Head: source.Safe})
				r.mine(2)
				r.polls(2)
				w.want()
				for range 6 {
					r.mine(1)
					r.polls(1)
				}
				o := w.want(source.Advanced)[0]
				if o.Safe < block.Number || o.Safe > o.Head-3 {
					t.Errorf("observed %+v, want the safe head 3 below the latest one", o)
				}
				if n := r.src.Health().Notices; len(n) != 1 || !strings.Contains(n[0], "safe") {
					t.Errorf("notices %q, want one on the safe head", n)
				}
				r.wantDegraded(false)
			})
		})
	}
}

// What stood in for a tag stands in no longer than no endpoint names it, even if nobody asked for it meanwhile.
func TestTagNamedAfterAll(t *testing.T) {
	bubble(t, shallow, func(r *rig) {
		r.node.Misbehave(ethtest.Faults{NoTags: true})
		first, block := r.included()
		first.Wake(source.Wake{Height: block.Number, Head: source.Safe})
		for range 8 {
			r.mine(1)
			r.polls(1)
		}
		first.want(source.Advanced)
		r.node.Misbehave(ethtest.Faults{})
		r.node.SetTags(block.Number, 0)
		w, block := r.included()
		w.Wake(source.Wake{Height: block.Number, Head: source.Safe})
		r.mine(8)
		r.polls(1)
		w.want()
		if n := r.src.Health().Notices; len(n) != 0 {
			t.Errorf("notices %q", n)
		}
		head := r.mine(1)
		r.node.SetTags(head.Number, 0)
		r.polls(1)
		if o := w.want(source.Advanced)[0]; o.Safe != head.Number {
			t.Errorf("observed %+v, want the safe head %d", o, head.Number)
		}
	})
}

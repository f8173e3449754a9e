package ethereum

import "trackerfleet/workers/source"

// tags follows the chain's safe and finalized heads. It reads no clock and does no I/O.
//
// A tag never goes back. A node that doesn't offer tags, or has had none for as many blocks as the fallback is deep, makes a
// head of that depth below the latest one stand in.
type tags struct {
	depth    [3]uint64 // fallback, by kind
	known    [3]uint64 // highest seen, by kind; 0: none yet
	missing  [3]uint64 // head at which the tag was first asked for in vain; 0: not so
	fallback [3]bool
}

// seen takes a tag's height in. below says that it is on the chain as we know it and not beyond the head.
func (t *tags) seen(kind source.Finality, height uint64) {
	t.known[kind] = max(t.known[kind], height)
	t.missing[kind], t.fallback[kind] = 0, false
}

// absent takes in that a node has no such tag at a head, and lets the stand-in follow that. refused says that the node doesn't know
// what a tag is.
func (t *tags) absent(kind source.Finality, head uint64, refused bool) {
	if t.known[kind] > 0 && !t.fallback[kind] {
		return // it was there: the node has lost sight of it, the chain has not
	}
	if t.missing[kind] == 0 {
		t.missing[kind] = max(head, 1)
	}
	if refused || head >= t.missing[kind]+t.depth[kind] {
		t.fallback[kind] = true
	}
	if t.fallback[kind] && head >= t.depth[kind] {
		t.known[kind] = max(t.known[kind], head-t.depth[kind])
	}
}

// height returns the height of the tag as far as it is known; 0 is unknown. It is never beyond head.
func (t *tags) height(kind source.Finality, head uint64) uint64 { return min(t.known[kind], head) }

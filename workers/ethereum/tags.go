package ethereum

import "trackerfleet/workers/source"

// tags follows the chain's safe and finalized heads. It reads no clock and does no I/O.
//
// A tag never goes back. Where no endpoint offers tags, or has had none for as many blocks as the fallback is deep, a head of
// that depth below the latest one stands in.
type tags struct {
	depth    [3]uint64 // fallback, by kind
	known    [3]uint64 // highest seen, by kind; 0: none yet
	fallback [3]bool
}

// seen takes a tag's height in. The caller has made sure that it is on the chain as we know it and not beyond the head.
func (t *tags) seen(kind source.Finality, height uint64) {
	t.known[kind] = max(t.known[kind], height)
	t.fallback[kind] = false
}

// absent takes in that an endpoint has no such tag at a head. nowhere says that no other one is left that might have it: then the
// stand-in follows the head.
func (t *tags) absent(kind source.Finality, head uint64, nowhere bool) {
	if !nowhere || t.known[kind] > 0 && !t.fallback[kind] {
		return // if it was there once, the nodes have lost sight of it, the chain has not
	}
	t.fallback[kind] = true
	if head >= t.depth[kind] {
		t.known[kind] = max(t.known[kind], head-t.depth[kind])
	}
}

// height returns the height of the tag as far as it is known; 0 is unknown. It is never beyond head.
func (t *tags) height(kind source.Finality, head uint64) uint64 { return min(t.known[kind], head) }

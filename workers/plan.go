package workers

import (
	"hash/fnv"
	"slices"
	"strconv"
	"time"

	"trackerfleet/bus"
)

// claimPlan returns the owner records of the partitions that self should claim now: those that nobody owns, those that are
// released, and those whose owner has been silent for a lease, where they are self's by the deal among the live workers.
// settled says that self has listened for a lease; before that nobody can be called silent. held says what self is serving,
// or still stopping.
//
// It takes no partition away from a live owner. A wrong guess is safe, because the claim is a compare-and-set and every
// write is fenced; it only costs a takeover.
func claimPlan(self, incarnation string, owners []bus.Owner, live []bus.Peer, held func(partition int) bool, settled bool) []bus.Owner {
	type life struct{ worker, incarnation string }
	alive := make(map[life]bool, len(live))
	for _, p := range live {
		alive[life{p.Worker, p.Incarnation}] = true
	}
	var claims []bus.Owner
	var wish []string // dealt when it is asked for: mostly nothing is to be had
	for p, o := range owners {
		switch {
		case held(p):
			continue
		case o.HeldBy(self, incarnation): // a claim whose answer was lost
			claims = append(claims, o)
			continue
		case o.State == bus.Owned && (!settled || alive[life{o.Worker, o.Incarnation}]):
			continue
		case o.State == bus.Released && o.To == self:
			claims = append(claims, o)
			continue
		}
		if wish == nil {
			wish = deal(owners, members(live))
		}
		if wish[p] == self {
			claims = append(claims, o)
		}
	}
	return claims
}

// takeoverJitter is which part of a lease those who see the same silence wait at most, each as long as chance has it.
const takeoverJitter = 30

// ripe returns those claims of a plan that may be made now. What is to be taken from a silent owner waits for jitter from when that
// was first seen, and is then planned anew, by who is heard by that time: then again says when.
func (o *ownership) ripe(plan []bus.Owner, incarnation string, now time.Time, jitter time.Duration) (claims []bus.Owner, again time.Duration) {
	silent := func(c bus.Owner) bool { return c.State == bus.Owned && c.Incarnation != incarnation }
	switch {
	case !slices.ContainsFunc(plan, silent):
		o.takeover = time.Time{}
		return plan, 0
	case o.takeover.IsZero():
		o.takeover = now.Add(jitter)
		again = jitter
	}
	if now.Before(o.takeover) {
		return slices.DeleteFunc(plan, silent), again
	}
	return plan, 0
}

// weight is the rendezvous weight of a worker for a partition (highest random weight hashing). It spreads FNV-1a over all bits (the
// finalizer of MurmurHash3), because FNV of strings that differ in their last bytes differs mostly in its low bits.
func weight(partition int, worker string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(worker))
	h.Write([]byte{0})
	h.Write([]byte(strconv.Itoa(partition)))
	x := h.Sum64()
	x ^= x >> 33
	x *= 0xff51afd7ed558ccd
	x ^= x >> 33
	x *= 0xc4ceb9fe1a85ec53
	return x ^ x>>33
}

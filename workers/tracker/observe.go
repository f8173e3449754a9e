package tracker

import (
	"math"
	"math/bits"
	"time"

	"trackerfleet/bus"
	"trackerfleet/workers/source"
)

// defaultMissingChecks is how many looks in vain are believed when the policy doesn't say.
const defaultMissingChecks = 3

// anyPolicy stands in for no policy: the first inclusion is final, nothing is dropped.
var anyPolicy = source.Policy{Confirmations: 1}

// Observe decides what an observation means under a policy; nil is the policy that takes the first inclusion as final.
// A stale or impossible observation, and any when the tracker isn't running, changes nothing.
func (r *Record) Observe(now time.Time, p *source.Policy, o source.Observation) Decision {
	if r.phase != running {
		return Decision{}
	}
	if p == nil {
		p = &anyPolicy
	}
	c := change{from: r, now: stampOf(now)}
	switch o.Kind {
	case source.Absent:
		c.absent(p, o)
	case source.Pending:
		c.pending(o)
	case source.Included:
		c.included(p, o)
	case source.Advanced:
		c.advanced(p, o)
	case source.Reorged:
		c.reorged(p, o)
	case source.Replacing:
		c.replacing(p, o)
	case source.Replaced:
		c.replaced(o)
	case source.Settled:
		c.settled(o)
	}
	d := c.decision()
	d.Wake = c.record().Wake(p)
	return d
}

// absent counts a look in vain. What is in a block is gone only when the block is, and an endpoint that is behind doesn't
// count.
func (c *change) absent(p *source.Policy, o source.Observation) {
	r := c.from
	if r.place != nil || (r.sight != nil && o.Head < r.sight.height) {
		return
	}
	next := c.edit()
	seen := sight{height: o.Head}
	if r.sight != nil {
		seen = *r.sight
	}
	next.sight = &seen
	if seen.since == 0 {
		seen.since = c.at(o)
	}
	seen.looked(o.Looks())
	if !next.believed(p, o) {
		return
	}
	switch {
	case r.status == pending:
		next.status = missing
		seen.height = o.Head // the blocks before it may have gone by while nobody looked, or were not written down
		c.emit(bus.EventMissing, missingData{Since: seen.since, LastSeen: seen.lastSeen, Checks: uint64(seen.checks)})
	case next.forgotten(c.now, c.at(o), p, o):
		c.finish(dropped, droppedData{LastSeen: seen.lastSeen, Checks: uint64(seen.checks)})
	case !r.believed(p, o):
		c.checkpoint() // so that a restart doesn't begin to count the blocks again
	}
}

// looked notes looks in vain, at the endpoints whose bits are set.
func (s *sight) looked(checks int, endpoints uint64) {
	at := uint8(bits.TrailingZeros64(endpoints)) + 1
	switch {
	case bits.OnesCount64(endpoints) > 1, s.endpoint != 0 && s.endpoint != at:
		s.several = true
	case s.endpoint == 0:
		s.endpoint = at
	}
	s.looks = uint16(min(uint64(s.looks)+uint64(checks), math.MaxUint16))
	s.checks = uint32(min(uint64(s.checks)+uint64(checks), math.MaxUint32))
}

// forgetLooks forgets the looks that this process knows of.
func (r *Record) forgetLooks() {
	seen := r.sightOf()
	if seen.looks == 0 {
		return
	}
	seen.looks, seen.endpoint, seen.several = 0, 0, false
	r.sight = &seen
}

// believed reports whether the looks in vain are enough of them, from two endpoints if there are two.
func (r *Record) believed(p *source.Policy, o source.Observation) bool {
	need := p.MissingChecks
	if need <= 0 {
		need = defaultMissingChecks
	}
	seen := r.sightOf()
	return int(seen.looks) >= min(need, math.MaxUint16) && (seen.several || o.Endpoints < 2)
}

// forgotten reports whether the last sign of the transaction is long enough ago: in blocks from when it was first looked for,
// or went missing, and in time. Where there are no blocks the time counts from then too: before it nobody may have looked. It is the one that
// the source tells, whose clock is not moved by whoever sets the worker's.
func (r *Record) forgotten(now, at stamp, p *source.Policy, o source.Observation) bool {
	if p.DropAge > 0 {
		return at.since(r.sight.since) >= p.DropAge
	}
	if p.DropAfter == 0 || o.Head-r.sight.height < p.DropAfter {
		return false
	}
	last := r.sight.lastSeen
	if last == 0 {
		last = r.startedAt
	}
	return now.since(last) >= p.DropMinAge
}

// pending notes that the source knows the transaction. A look-up that says so of what is in a block is late.
func (c *change) pending(o source.Observation) {
	r := c.from
	if r.place != nil {
		return
	}
	c.sighted(o)
	if r.status == pending {
		return
	}
	c.edit().status = pending
	var details source.PendingDetails
	if o.Pending != nil {
		details = tidyDetails(*o.Pending)
	}
	c.emit(bus.EventPending, details)
}

// sighted notes that the transaction is there and in no block.
func (c *change) sighted(o source.Observation) {
	next := c.edit()
	seen := sight{height: o.Head, lastSeen: c.at(o)}
	if was := next.sight; was != nil {
		seen.height = max(seen.height, was.height)
	}
	next.sight = &seen
}

// at returns when o was made, now if it doesn't say or says a time to come.
func (c *change) at(o source.Observation) stamp {
	if at := stampOf(o.At); at != 0 && at < c.now {
		return at
	}
	return c.now
}

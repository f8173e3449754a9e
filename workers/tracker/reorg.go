package tracker

import (
	"trackerfleet/bus"
	"trackerfleet/workers/source"
)

// unknownReplacement is said of what took a nonce and can't be named.
const unknownReplacement = "unknown"

// reorged takes the inclusion out of its block, and into the one that the new branch has it in. With o.By set that is the
// other transaction's inclusion; otherwise it is ours.
func (c *change) reorged(p *source.Policy, o source.Observation) {
	pl := c.from.place
	if pl == nil {
		c.arrived(p, o)
		return
	}
	stays := o.Inclusion != nil && pl.is(o.Inclusion.Block) && pl.By == clip(o.By, maxWord)
	late := o.From != nil && !pl.is(o.From.Block) && o.Head < c.from.head
	if stays || late {
		return
	}
	if o.Inclusion == nil || (o.By != "" && pl.By != clip(o.By, maxWord)) {
		c.taken(o)
		c.arrived(p, o)
		return
	}
	left := pl.block()
	now := c.enter(p, o)
	if o.By != "" {
		now.By, now.Kind, now.Before = pl.By, pl.Kind, pl.Before // the same other one: what it does was known better before
	}
	to := now.block()
	c.emit(bus.EventReorged, reorgedData{
		From: left, To: &to, Depth: o.Depth, OutcomeBefore: pl.outcome(), OutcomeNow: now.outcome(),
	})
	c.settle(p, o)
}

// arrived handles the new branch's inclusion of what is in no block.
func (c *change) arrived(p *source.Policy, o source.Observation) {
	if o.Inclusion == nil {
		return
	}
	if o.By != "" {
		c.replacedBy(p, o)
		return
	}
	c.included(p, o)
}

// taken takes the inclusion out of its block into none. Our own transaction counts as pending then, until looks in vain
// say that it is missing; with the other one gone, ours is as it was before.
func (c *change) taken(o source.Observation) {
	next := c.edit()
	left := next.place
	next.place = nil
	next.head = o.Head
	if left.By == "" {
		next.status = pending
		c.sighted(o)
		next.leaves(left.Hash)
		next.sight.height = o.Head // heads go down, and the new branch is where looks are made
	} else {
		before, _ := find[status](statuses[:missing+1], left.Before)
		next.status = before
		if before == confirming {
			next.status = unseen
		}
	}
	c.emit(bus.EventReorged, reorgedData{From: left.block(), Depth: o.Depth})
}

// leaves notes the hash of the block that a reorganisation took the transaction out of. Without one the block before stands.
func (r *Record) leaves(hash string) {
	if hash == "" {
		return
	}
	kept := r.restOf()
	kept.left = &hash
	r.rest = &kept
}

// replacing notes that another transaction with the same sender and nonce is in a block. If ours was, it can only be a
// reorganisation that put the other one there.
func (c *change) replacing(p *source.Policy, o source.Observation) {
	r := c.from
	switch {
	case o.Inclusion == nil || o.By == "":
	case r.place == nil:
		c.replacedBy(p, o)
	case r.place.By == clip(o.By, maxWord):
		c.advanced(p, o)
	}
}

// replacedBy makes the other transaction's inclusion the record's.
func (c *change) replacedBy(p *source.Policy, o source.Observation) {
	before := c.record().Status()
	pl := c.enter(p, o)
	pl.By, pl.Kind, pl.Before = clip(o.By, maxWord), kindOf(o.Replacement), before
	c.emit(bus.EventReplacing, replacingData{By: pl.By, Kind: pl.Kind, Block: pl.block()})
	c.settle(p, o)
}

// replaced ends the run of a transaction whose nonce is used up for good, unless its own inclusion says otherwise.
func (c *change) replaced(o source.Observation) {
	pl := c.from.place
	data := replacedData{By: unknownReplacement, Kind: kindOf(o.Replacement), Latency: bus.Duration(c.now.since(c.from.startedAt))}
	if pl != nil {
		if pl.By == "" {
			return
		}
		block := pl.block()
		data.By, data.Kind, data.Block = pl.By, pl.Kind, &block
	}
	c.finish(replaced, data)
}

package tracker

import (
	"trackerfleet/bus"
	"trackerfleet/workers/source"
)

// included puts the transaction into a block and ends the run when that is final already. Being in another block than
// before takes a reorganisation.
func (c *change) included(p *source.Policy, o source.Observation) {
	r := c.from
	switch {
	case o.Inclusion == nil || r.undone(o):
	case r.place != nil:
		if r.place.By == "" {
			c.advanced(p, o)
		}
	default:
		pl := c.enter(p, o)
		c.emit(bus.EventIncluded, includedData{
			Block: pl.block(), Index: pl.Index, Outcome: pl.outcome(), GasUsed: pl.GasUsed, FeePaid: pl.FeePaid,
			Have: pl.Reported, Need: pl.Need,
		})
		c.settle(p, o)
	}
}

// undone reports whether o speaks of a time before its block was taken back.
func (r *Record) undone(o source.Observation) bool {
	left := r.left()
	return r.place == nil && left != "" && left == clip(o.Inclusion.Block.Hash, maxWord) && o.Head < r.head
}

// enter makes the inclusion of o the record's.
func (c *change) enter(p *source.Policy, o source.Observation) *place {
	next := c.edit()
	pl := newPlace(p, o.Inclusion)
	next.place = pl
	next.status = confirming
	next.head = max(o.Head, pl.Number)
	next.offersSafe = o.Safe > 0
	next.forgetLooks()
	pl.Reported = pl.have(next.head)
	pl.Safe = covers(o.Safe, pl.Number)
	return pl
}

// have counts the confirmations under head; 1 is included.
func (p *place) have(head uint64) uint64 {
	if head <= p.Number {
		return 1
	}
	return max(head-p.Number, head-p.Number+1)
}

// is reports whether b is the block of p.
func (p *place) is(b source.BlockRef) bool {
	return p.Number == b.Number && p.Hash == clip(b.Hash, maxWord)
}

// advanced moves the head under an inclusion.
func (c *change) advanced(p *source.Policy, o source.Observation) {
	pl := c.from.place
	if pl == nil || (o.Inclusion != nil && !pl.is(o.Inclusion.Block)) {
		return
	}
	head := max(o.Head, pl.Number)
	if head < c.from.head {
		if need(p) > 0 || !(pl.final(p, o, 0) || c.newlySafe(p, covers(o.Safe, pl.Number))) {
			return
		}
		head = c.from.head // what a tag covers stays, even if this head is behind
	}
	if offers := o.Safe > 0; head > c.from.head || offers != c.from.offersSafe {
		next := c.edit()
		next.head, next.offersSafe = head, offers
	}
	if have, safe := pl.have(head), covers(o.Safe, pl.Number); c.wanted(p, o, have, safe) {
		moved := *pl
		moved.Reported, moved.Safe, moved.Need = have, safe || pl.Safe, need(p)
		c.edit().place = &moved
		c.emit(bus.EventProgress, progressData{Have: have, Need: moved.Need, Head: head, Safe: moved.Safe})
	}
	c.settle(p, o)
}

// wanted reports whether the policy asks for a progress event: one at most, however many heights were passed.
func (c *change) wanted(p *source.Policy, o source.Observation, have uint64, safe bool) bool {
	pl := c.from.place
	switch {
	case p.Progress.None || pl.By != "":
		return false
	case p.Progress.Every:
		return have > pl.Reported || c.newlySafe(p, safe)
	case len(p.Progress.At) > 0:
		for _, at := range p.Progress.At {
			if pl.Reported < at && at <= have {
				return true
			}
		}
		return false
	}
	return pl.final(p, o, have) || c.newlySafe(p, safe)
}

// newlySafe reports whether the safe head has come to cover an inclusion that waits for the finalized one.
func (c *change) newlySafe(p *source.Policy, safe bool) bool {
	return p.Finality == source.Finalized && safe && !c.from.place.Safe
}

// final reports whether the inclusion can't be taken back any more, by the policy's measure.
func (p *place) final(policy *source.Policy, o source.Observation, have uint64) bool {
	switch policy.Finality {
	case source.Safe:
		return covers(o.Safe, p.Number) || covers(o.Finalized, p.Number)
	case source.Finalized:
		return covers(o.Finalized, p.Number)
	}
	return have >= max(1, policy.Confirmations)
}

// covers reports whether a tag, 0 when unknown, is at number or above.
func covers(tag, number uint64) bool { return tag > 0 && tag >= number }

// settle ends the run if its inclusion is final.
func (c *change) settle(p *source.Policy, o source.Observation) {
	r := c.record()
	pl := r.place
	have := pl.have(r.head)
	if !pl.final(p, o, have) {
		return
	}
	latency := bus.Duration(c.now.since(r.startedAt))
	if pl.By != "" {
		block := pl.block()
		c.finish(replaced, replacedData{By: pl.By, Kind: pl.Kind, Block: &block, Finality: finalityWord(p), Latency: latency})
		return
	}
	end := failed
	if pl.Success {
		end = confirmed
	}
	c.finish(end, finalData{
		Block: pl.block(), Have: have, Need: need(p), Finality: finalityWord(p), Latency: latency,
		GasUsed: pl.GasUsed, FeePaid: pl.FeePaid, Reason: pl.Reason, ReasonData: pl.ReasonData,
	})
}

// finalityWord is the policy's finality for events; a kind that nobody knows is judged by depth and called so.
func finalityWord(p *source.Policy) string {
	if p.Finality > source.Finalized {
		return source.Depth.String()
	}
	return p.Finality.String()
}

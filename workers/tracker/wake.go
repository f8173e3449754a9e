package tracker

import (
	"math"

	"trackerfleet/workers/source"
)

// Wake returns what to ask of the source for r as it is, after it was loaded too; the zero Wake: nothing. Nil is the
// policy that takes the first inclusion as final.
func (r *Record) Wake(p *source.Policy) source.Wake {
	pl := r.place
	if r.phase != running || pl == nil {
		return source.Wake{}
	}
	if p == nil {
		p = &anyPolicy
	}
	have := max(pl.Reported, pl.have(r.head))
	next, more := pl.nextProgress(p, have)
	switch p.Finality {
	case source.Safe, source.Finalized:
		switch {
		case more: // one wake at a time, and a tag may come before the height
			return r.wakeAt(have + 1)
		case p.Finality == source.Finalized && r.offersSafe && !pl.Safe && pl.By == "" && byDefault(p.Progress):
			return source.Wake{Height: pl.Number, Head: source.Safe}
		}
		return source.Wake{Height: pl.Number, Head: p.Finality}
	}
	need := max(1, p.Confirmations)
	if more {
		need = min(need, next)
	}
	return r.wakeAt(need)
}

// nextProgress returns the next confirmation before finality at which progress is wanted.
func (p *place) nextProgress(policy *source.Policy, have uint64) (next uint64, ok bool) {
	switch {
	case p.By != "" || policy.Progress.None:
	case policy.Progress.Every:
		return have + 1, true
	default:
		for _, at := range policy.Progress.At {
			if at > p.Reported && (!ok || at < next) {
				next, ok = at, true
			}
		}
	}
	return next, ok
}

// byDefault reports whether nothing special is asked of progress.
func byDefault(p source.Progress) bool { return !p.Every && !p.None && len(p.At) == 0 }

// wakeAt asks for the height at which there are n confirmations; for nothing if there is no such height. It never asks for
// less than the known head: a source that is behind would answer at once, and again, what changes nothing.
func (r *Record) wakeAt(n uint64) source.Wake {
	if n == 0 || r.place.Number > math.MaxUint64-(n-1) {
		return source.Wake{}
	}
	return source.Wake{Height: max(r.place.Number+n-1, r.head)}
}

// Hint returns what to tell the source when it begins to watch for r.
func (r *Record) Hint() source.Hint {
	h := source.Hint{Since: r.head}
	if r.place != nil {
		h.Block = &source.BlockRef{Number: r.place.Number, Hash: r.place.Hash, Time: r.place.Time.time()}
		h.By = r.place.By
	}
	return h
}

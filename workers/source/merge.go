package source

import "slices"

// merge returns what is kept with o added to it. What is kept is, in this order and each of it or not: an inclusion, an
// advance, a reorganisation, an inclusion after a reorganisation that left the transaction in no block, and a tail of
// an advance, a pending and an absent observation.
func merge(kept []Observation, o Observation) []Observation {
	if n := len(kept); n > 0 && (kept[n-1].Kind == Replaced || kept[n-1].Kind == Settled) {
		return kept
	}
	switch o.Kind {
	case Settled:
		return append(trim(kept, Absent, Pending, Advanced), o)
	case Absent:
		return mergeAbsent(kept, o)
	case Pending:
		return append(trim(kept, Absent, Pending), o)
	case Advanced:
		return append(trim(kept, Absent, Pending, Advanced), o)
	case Reorged:
		return mergeReorged(kept, o)
	default:
		return mergeInclusion(kept, o)
	}
}

// trim returns kept without the observations of the kinds at its end.
func trim(kept []Observation, kinds ...Kind) []Observation {
	for len(kept) > 0 && slices.Contains(kinds, kept[len(kept)-1].Kind) {
		kept = kept[:len(kept)-1]
	}
	return kept
}

func mergeAbsent(kept []Observation, o Observation) []Observation {
	if n := len(kept); n > 0 && kept[n-1].Kind == Absent {
		checks, asked := o.Looks()
		before, askedBefore := kept[n-1].Looks()
		o.Checks, o.Asked = checks+before, asked|askedBefore
		kept = kept[:n-1]
	}
	return append(kept, o)
}

// mergeInclusion adds an inclusion of the transaction or of one in its place.
func mergeInclusion(kept []Observation, o Observation) []Observation {
	kept = trim(kept, Absent, Pending)
	placed := trim(kept, Advanced)
	if len(placed) == 0 {
		return append(placed, o)
	}
	last := &placed[len(placed)-1]
	switch {
	case o.Kind == Replaced:
		return append(placed, o)
	case last.Kind == Reorged && last.By != o.By: // another one than went out
		return append(placed, o)
	case last.Kind == Reorged && !sameBlock(last.Inclusion, o.Inclusion):
		return backIn(placed, o)
	case sameBlock(last.Inclusion, o.Inclusion) && last.By == o.By: // as before, seen again
		o.Kind = Advanced
		return append(placed, o)
	default: // elsewhere, and nothing said why
		*last = o
		return placed
	}
}

// mergeReorged adds a reorganisation.
func mergeReorged(kept []Observation, o Observation) []Observation {
	kept = trim(kept, Absent, Pending)
	placed := trim(kept, Advanced)
	n := len(placed)
	switch {
	case n > 0 && placed[n-1].Kind == Reorged:
		placed[n-1].Depth = max(placed[n-1].Depth, o.Depth)
		return backIn(placed, o)
	case n > 1 && placed[n-2].Kind == Reorged && o.Inclusion != nil:
		placed[n-1] = inclusionAt(o)
		return placed
	case n > 1 && placed[n-2].Kind == Reorged:
		placed = placed[:n-1]
		return mergeReorged(placed, o)
	default:
		return append(kept, o)
	}
}

// inclusionAt returns the inclusion that a reorganisation ended with, of the same transaction as before or of another one.
func inclusionAt(reorg Observation) Observation {
	if reorg.Kind = Included; reorg.By != "" {
		reorg.Kind = Replacing
	}
	reorg.From, reorg.Depth = nil, 0
	return reorg
}

// backIn ends the reorganisation that placed ends with where o has the transaction.
func backIn(placed []Observation, o Observation) []Observation {
	last := placed[len(placed)-1]
	o.From, o.Depth = last.From, last.Depth
	if o.Kind = Reorged; o.Inclusion != nil && sameBlock(o.From, o.Inclusion) {
		o.Kind, o.From, o.Depth = Advanced, nil, 0
		return append(trim(placed[:len(placed)-1], Advanced), o)
	}
	placed[len(placed)-1] = o
	return placed
}

func sameBlock(a, b *Inclusion) bool {
	return a != nil && b != nil && a.Block.Number == b.Block.Number && a.Block.Hash == b.Block.Hash
}

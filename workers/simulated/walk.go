package simulated

import "trackerfleet/workers/source"

// place is where a transaction is.
type place struct {
	kind placeKind
	block
}

// placeKind is the kind of a place; block is what the comment says.
type placeKind uint8

const (
	nowhere placeKind = iota // not looked at yet
	unseen                   // nobody knows it yet; the slot in which it will be included, and the height when it is known, modulo 2^32
	pending                  // known; the slot in which it will be included
	in                       // in the block
	taken                    // another one with its nonce is in the block
	gone                     // forgotten
)

// inBlock reports whether the block of such a place is one that the transaction or its replacement is in.
func (k placeKind) inBlock() bool { return k == in || k == taken }

// sight is what a look-up shows: where a transaction is, from which round on it may be elsewhere (0: never), and how many
// blocks the last reorganisation that touched it took back.
type sight struct {
	place
	due   uint64
	depth uint64
}

// enter returns where the transaction was when it was last observed, as the hint has it.
func (f *fate) enter(h source.Hint, head uint64) place {
	if h.Block != nil && (h.By == "" || f.outcome == replace) {
		if b, ok := f.chain.named(h.Block.Number, h.Block.Hash); ok {
			return place{kind: f.included(), block: b}
		}
	}
	began := h.Since > 0
	switch {
	case f.gone == always, f.gone == atSlot && began && f.at == 0, f.gone == withBlock && began && f.at == 0:
		return place{kind: gone}
	case began:
		return place{kind: pending, block: block{height: f.firstSlot(h.Since + 1)}}
	default:
		return place{kind: unseen, block: block{height: f.firstSlot(head + 1), version: uint32(f.known(head))}}
	}
}

// known returns the height from which on a transaction that is new at head is known.
func (f *fate) known(head uint64) uint64 {
	if since := (head + f.period - f.shift) % f.period; since < f.unseen {
		return head + f.unseen - since
	}
	return head
}

// included returns what the transaction is in a block.
func (f *fate) included() placeKind {
	if f.outcome == replace {
		return taken
	}
	return in
}

// walk returns where the transaction is when the head is at head, if it was at was before.
func (f *fate) walk(was place, head uint64) sight {
	s := sight{place: was}
	for {
		switch s.kind {
		case unseen:
			if left := int32(s.version - uint32(head)); left > 0 && head < s.height {
				s.due = head + uint64(left)
				return s
			}
			s.version = 0
			s.kind = pending
		case pending:
			if f.outcome == pend {
				s.due = 0
				return s
			}
			if head < s.height {
				s.due = s.height
				return s
			}
			s.place = f.arrive(s.height)
		case in, taken:
			r := f.chain.rewrite(s.height, s.version+1)
			if r == 0 || head < r {
				s.due = r
				return s
			}
			s.depth = f.chain.depthAt(r)
			s.place = f.rewritten(s.place, r)
		default:
			s.due = 0
			return s
		}
	}
}

// arrive returns where the transaction is when the head reaches its slot.
func (f *fate) arrive(slot uint64) place {
	if f.gone == atSlot || f.gone == withBlock && f.chain.rewrite(slot, 1) == 0 {
		return place{kind: gone}
	}
	return place{kind: f.included(), block: block{height: slot}}
}

// rewritten returns where the transaction is when the block it is in is rewritten at r.
func (f *fate) rewritten(p place, r uint64) place {
	switch {
	case f.gone == withBlock:
		return place{kind: gone}
	case f.keeps(p.height, r):
		p.version++
		return p
	default:
		return place{kind: pending, block: block{height: f.slot(r)}}
	}
}

package ethereum

import (
	"slices"
	"time"
)

// branch is a piece of chain that takes the place of everything above ancestor.
type branch struct {
	ancestor uint64
	deep     bool // its root is below the window: ancestor is unknown
	blocks   []*block
}

// matches returns, block by block, the transactions of the branch that are watched or take the slot of one that is; nil if
// there are none at all.
func (b *book) matches(br branch) (found [][]Hash) {
	add := func(i int, tx Hash) {
		if found == nil {
			found = make([][]Hash, len(br.blocks))
		}
		found[i] = append(found[i], tx)
	}
	for i, blk := range br.blocks {
		for _, tx := range blk.txs {
			if b.index.has(tx) {
				add(i, tx)
			}
		}
		if b.slots.empty() {
			continue
		}
		for j := range blk.occupants {
			if t := &blk.occupants[j]; b.slots.replaces(t) && !b.index.has(t.tx) {
				add(i, t.tx)
			}
		}
	}
	return found
}

// apply makes br the end of the chain and hands over, in the order of the chain, what that means. receipts are those of the
// new blocks; a watch whose receipt isn't there is owed it.
func (b *book) apply(br branch, receipts map[Hash]*receipt, now time.Time) {
	displaced := b.displace(br)
	if br.deep || b.window.empty() || slices.ContainsFunc(br.blocks, func(blk *block) bool { return !blk.complete() }) {
		b.streak = max(b.streak+1, 1) // 0 is no streak at all
	}
	if br.deep {
		b.window = newWindow(b.window.size)
	} else {
		b.window.truncate(br.ancestor)
	}
	var here []*watch
	for _, blk := range br.blocks {
		here = b.push(blk, here)
	}
	for _, w := range displaced {
		if w.place != nil {
			continue
		}
		if br.deep {
			b.urgent.pushBack(w) // only a look-up can tell what became of it
			continue
		}
		b.gone(w, now)
	}
	for _, w := range here {
		if r := receipts[w.sought()]; r != nil && r.block == w.place.hash {
			b.settle(w, r, now)
		}
	}
	b.fireAll(now)
}

// push puts a block on top, seats those who are in it, and returns here with them.
func (b *book) push(blk *block, here []*watch) []*watch {
	m := b.window.push(blk)
	for _, tx := range blk.txs {
		for w := range b.index.of(tx) {
			b.seat(w, m)
			here = append(here, w)
		}
	}
	if b.slots.empty() {
		return here
	}
	for i := range blk.occupants {
		for w := range b.slots.replacedBy(&blk.occupants[i]) {
			b.seat(w, m.by(rivalOf(w, &blk.occupants[i])))
			here = append(here, w)
		}
	}
	return here
}

// displace takes the watches out of the blocks that br replaces and returns them.
func (b *book) displace(br branch) []*watch {
	if b.window.empty() && !br.deep {
		return nil
	}
	var displaced []*watch
	take := func(l *list) {
		for _, w := range l.all() {
			if w.place.number > br.ancestor || br.deep {
				displaced = append(displaced, w)
			}
		}
	}
	var depth uint64
	if !b.window.empty() {
		head := b.window.head().number
		if br.deep {
			depth = head - b.window.tail() + 1
		} else {
			depth = head - br.ancestor
		}
		for height := br.ancestor + 1; height <= head && !br.deep; height++ {
			take(b.seated[height])
		}
	}
	if br.deep {
		for _, l := range b.seated {
			take(l)
		}
	}
	if depth > 0 || br.deep {
		take(&b.owed)
	}
	for _, w := range displaced {
		b.unlist(w)
		if t := b.window.occupantAt(w.place.number, w.ref.hash); t != nil && !w.ref.hasSlot() {
			b.learn(w, t) // another one may take it on the new branch
		}
		if w.place = nil; w.told != nil {
			b.depths[w] = depth
		}
	}
	return displaced
}

// begun is called when blocks above since were applied for the first time. Watches whose records reach up to there are
// known to be in no block, and what remains to be said of them can wait for the sweep.
func (b *book) begun(since uint64) {
	for w, known := range b.sinces {
		if known >= since && w.place == nil && w.told == nil && w.in == inUrgent {
			b.silent.pushFront(w)
		}
	}
	b.sinces = nil
}

// recheck has every watch looked up again: the chain between what was followed and what follows will not be read.
func (b *book) recheck() {
	for _, l := range b.seated {
		for _, w := range l.all() {
			b.unlist(w)
			w.place = nil
			b.urgent.pushBack(w)
		}
	}
	for _, l := range []*list{&b.owed, &b.again, &b.usedUp, &b.silent} {
		for _, w := range l.all() {
			b.unlist(w)
			w.place = nil
			b.urgent.pushBack(w)
		}
	}
	b.window = newWindow(b.window.size)
}

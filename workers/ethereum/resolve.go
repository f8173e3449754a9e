package ethereum

import (
	"time"

	"trackerfleet/workers/source"
)

// finding is what a node said of one watch.
type finding struct {
	w       *watch
	failed  bool         // it said nothing that can be used
	tx      *transaction // nil: unknown to the node
	other   *transaction // the one that took its slot, as far as one is known by name; nil: unknown to the node
	receipt *receipt     // only of a block below the window
	below   *block       // the canonical block at the height in question, if that is below the window

	counted bool   // the node said how many nonces of the sender are used up
	nonces  uint64 // so many
	over    bool   // the nonce is used up for good
}

// placed returns the one of both transactions that is in a block by the node's word; nil if none is.
func (f *finding) placed() *transaction {
	switch {
	case f.tx != nil && f.tx.block != nil:
		return f.tx
	case f.other != nil && f.other.block != nil:
		return f.other
	}
	return nil
}

// heightInQuestion returns the height below the window whose canonical block f needs to be decided, if any.
func (b *book) heightInQuestion(f *finding) (height uint64, below bool) {
	switch tx := f.placed(); {
	case f.failed || b.window.empty():
		return 0, false
	case tx != nil:
		height = tx.number
	case f.w.told != nil:
		height = f.w.told.number
	default:
		return 0, false
	}
	return height, height < b.window.tail()
}

// witness is the node that answered: whether its head is up to date, and which of how many it is.
type witness struct {
	current   bool
	endpoint  int
	endpoints int
}

// resolve takes a finding in. What can't be decided by it is tried again at the next poll.
func (b *book) resolve(f *finding, by witness, now time.Time) {
	w := f.w
	if w.in != outside || w.place != nil {
		return // closed, found in a block, or asked for again while the look-up was under way
	}
	switch {
	case f.failed:
		b.again.pushBack(w)
	case f.placed() != nil:
		b.resolveIncluded(f, now)
	case !by.current && (f.tx == nil || w.told != nil):
		b.again.pushBack(w) // a node that lags knows nothing of what isn't there
	case w.told != nil && !b.disproved(f):
		b.again.pushBack(w)
	default:
		b.resolveOutside(f, by, now)
	}
}

func (b *book) resolveIncluded(f *finding, now time.Time) {
	w, tx := f.w, f.placed()
	number, hash := tx.number, *tx.block
	if tx != f.tx && tx.takes {
		b.learn(w, &tx.occupant)
	}
	if m := b.window.find(tx.hash); m != nil && m.hash == hash {
		b.seat(w, f.at(m))
		return
	}
	if b.window.empty() || number >= b.window.tail() || f.below == nil || !f.below.holds(tx.hash, hash) ||
		f.receipt == nil || f.receipt.block != hash {
		b.again.pushBack(w) // another branch, a node ahead of us, or half an answer
		return
	}
	m := &mark{number: number, hash: hash, ref: f.below.ref()}
	if first := b.sharedMark(m); first != nil {
		m = first
	}
	w.place = f.at(m)
	b.settle(w, f.receipt, now)
}

// at returns the place of the transaction that is in the block of m.
func (f *finding) at(m *mark) *mark {
	tx := f.placed()
	if tx == f.tx {
		return m
	}
	return m.by(rivalOf(f.w, &tx.occupant))
}

// sharedMark returns the mark that others in the same block have.
func (b *book) sharedMark(m *mark) *mark {
	l := b.seated[m.number]
	if l == nil || l.first == nil || l.first.place.hash != m.hash || l.first.place.rival != nil {
		return nil
	}
	return l.first.place
}

// disproved reports whether the block that the observer was told of is known not to be canonical.
func (b *book) disproved(f *finding) bool {
	told := f.w.told
	if m := b.window.at(told.number); m != nil {
		return m.hash != told.hash
	}
	return f.below != nil && f.below.number == told.number && f.below.hash != told.hash
}

func (b *book) resolveOutside(f *finding, by witness, now time.Time) {
	w := f.w
	if w.told != nil {
		b.gone(w, now)
	}
	o := b.observation(source.Absent, now)
	if f.tx != nil {
		o.Kind, o.Pending = source.Pending, f.tx.pending(now)
	} else {
		o.Endpoint, o.Endpoints = by.endpoint, by.endpoints
	}
	b.silent.pushBack(w)
	w.ask, w.checked, w.asked = false, b.since(now), ordinal(by.endpoint)
	w.obs.Observe(o)
	if f.tx != nil && f.tx.takes {
		b.learn(w, &f.tx.occupant)
	}
	b.resolveNonce(f, by)
}

// resolveNonce takes in whether the nonce of a transaction that is in no block is used up.
func (b *book) resolveNonce(f *finding, by witness) {
	w := f.w
	if !w.ref.hasSlot() {
		return
	}
	switch m := b.find(w); {
	case m != nil: // just learned: the window has what took it
		b.seat(w, m)
	case f.counted && f.nonces > w.ref.extra.nonce:
		b.usedUp.pushBack(w)
	case f.counted && by.current:
		w.ref.extra.free = b.streak // from here on the blocks tell
	}
}

// doubts reports whether w's nonce may have been used up in a block that was not read in full.
func (b *book) doubts(w *watch) bool { return w.ref.hasSlot() && w.ref.extra.free != b.streak }

// cost returns how many calls the look-up of w takes.
func (b *book) cost(w *watch) int {
	n := 1
	if b.doubts(w) {
		n++
	}
	if w.told != nil && w.told.rival != nil {
		n++
	}
	return n
}

// takeUrgent takes watches out to look them up with at most n calls, but at least one watch.
func (b *book) takeUrgent(n int) []*watch {
	var ws []*watch
	for cost := 0; b.urgent.first != nil; {
		if cost += b.cost(b.urgent.first); cost > n && len(ws) > 0 {
			break
		}
		ws = append(ws, b.urgent.popFront())
	}
	return ws
}

// takeSilent takes watches out that nobody looked at since before, or ever, to look them up with at most n calls, but at
// least one watch.
func (b *book) takeSilent(n int, before time.Time) []*watch {
	var ws []*watch
	limit := tenths(max(before.Sub(b.began)/tenth, 0))
	for cost := 0; b.silent.first != nil && b.silent.first.checked <= limit; {
		if cost += b.cost(b.silent.first); cost > n && len(ws) > 0 {
			break
		}
		ws = append(ws, b.silent.popFront())
	}
	return ws
}

// retry makes what could not be decided urgent again.
func (b *book) retry() {
	for w := b.again.popFront(); w != nil; w = b.again.popFront() {
		b.urgent.pushBack(w)
	}
}

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
	receipt *receipt     // only of a block below the window
	below   *block       // the canonical block at the height in question, if that is below the window
}

// heightInQuestion returns the height below the window whose canonical block f needs to be decided, if any.
func (b *book) heightInQuestion(f *finding) (height uint64, below bool) {
	switch {
	case f.failed || b.window.empty():
		return 0, false
	case f.tx != nil && f.tx.block != nil:
		height = f.tx.number
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
	case f.tx != nil && f.tx.block != nil:
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
	w, number, hash := f.w, f.tx.number, *f.tx.block
	if m := b.window.at(number); m != nil && m.hash == hash {
		b.seat(w, m)
		return
	}
	if b.window.empty() || number >= b.window.tail() || f.below == nil || f.below.hash != hash ||
		f.receipt == nil || f.receipt.block != hash {
		b.again.pushBack(w) // another branch, a node ahead of us, or half an answer
		return
	}
	m := &mark{number, hash, f.below.ref()}
	if first := b.sharedMark(m); first != nil {
		m = first
	}
	w.place = m
	b.settle(w, f.receipt, now)
}

// sharedMark returns the mark that others in the same block have.
func (b *book) sharedMark(m *mark) *mark {
	l := b.seated[m.number]
	if l == nil || l.first == nil || l.first.place.hash != m.hash {
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
}

// takeUrgent takes at most n watches out to look them up.
func (b *book) takeUrgent(n int) []*watch {
	var ws []*watch
	for len(ws) < n {
		w := b.urgent.popFront()
		if w == nil {
			break
		}
		ws = append(ws, w)
	}
	return ws
}

// takeSilent takes at most n watches out that nobody looked at since before, or ever.
func (b *book) takeSilent(n int, before time.Time) []*watch {
	var ws []*watch
	limit := tenths(max(before.Sub(b.began)/tenth, 0))
	for len(ws) < n && b.silent.first != nil && b.silent.first.checked <= limit {
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

package ethereum

import (
	"time"

	"trackerfleet/workers/source"
)

// book knows all watches and what they were told, and hands observations over. It does no I/O and reads no clock.
type book struct {
	began  time.Time // with the monotonic reading: what is measured from here knows nothing of a wall clock that is set
	window *window
	tags   tags
	index  *index
	slots  *slots
	count  int
	streak uint16 // of blocks, one after the other, of which all slots are known; each has another number

	urgent  list              // to be looked up now
	again   list              // to be looked up at the next poll: the last try said nothing
	silent  list              // in no block, least recently looked at first
	usedUp  list              // in no block, and the nonce is used up: what took it is to be found
	owed    list              // in a block, the receipt is to be fetched
	seated  map[uint64]*list  // in a block and told so, by height; none of them is empty
	depths  map[*watch]uint64 // of the reorganisations that displaced watches whose observers don't know it yet
	proofs  map[*watch]proofs // of the few whose nonces were found used up for good
	sinces  map[*watch]uint64 // up to where the records of watches know everything; nil once blocks are followed
	waiting [3]dues           // by kind of head
	wanted  [3]int            // watches with a wake, by kind of head
}

func newBook(cfg Config) *book {
	return &book{
		began:  time.Now(),
		window: newWindow(cfg.Window),
		tags:   tags{depth: [3]uint64{source.Safe: cfg.SafeDepth, source.Finalized: cfg.FinalizedDepth}},
		index:  newIndex(),
		slots:  newSlots(),
		streak: 1,
		urgent: list{room: inUrgent},
		again:  list{room: inAgain},
		silent: list{room: inSilent},
		usedUp: list{room: inUsedUp},
		owed:   list{room: inOwed},
		proofs: map[*watch]proofs{},
		sinces: map[*watch]uint64{},
		seated: map[uint64]*list{},
		depths: map[*watch]uint64{},
	}
}

// add puts a new watch in and decides how it comes to its first observation. urgent says that there is something to do now.
func (b *book) add(w *watch, h source.Hint) (urgent bool) {
	w.due, w.ask = -1, true
	b.index.add(w)
	if w.ref.hasSlot() {
		b.slots.add(w)
	}
	b.count++
	w.told = hinted(h)
	since := max(h.Since, w.ref.since())
	if b.sinces != nil && since > 0 {
		b.sinces[w] = since
	}
	switch m := b.find(w); {
	case m != nil:
		b.seat(w, m)
	case w.told == nil && b.covers(since):
		b.silent.pushFront(w) // in no block up to here: what remains to be said can wait for the sweep
		return false
	default:
		b.urgent.pushBack(w)
	}
	return true
}

// hinted returns the place that a record knows; nil if it knows none.
func hinted(h source.Hint) *mark {
	if h.Block == nil {
		return nil
	}
	hash, err := ParseHash(h.Block.Hash)
	if err != nil {
		return nil
	}
	m := &mark{number: h.Block.Number, hash: hash, ref: *h.Block}
	if h.By == "" {
		return m
	}
	by, err := ParseHash(h.By)
	if err != nil {
		return nil
	}
	m.rival = &rival{by, "other"} // the record knows the kind
	return m
}

// find returns the place that the window has for w: its own, or the one of what took its slot; nil if it has none.
func (b *book) find(w *watch) *mark {
	if m := b.window.find(w.ref.hash); m != nil {
		return m
	}
	if w.ref.hasSlot() {
		if t, ok := b.window.taken[w.ref.extra.slot()]; ok {
			return t.at.by(rivalOf(w, t.occupant))
		}
	}
	if w.told != nil && w.told.rival != nil {
		if m := b.window.find(w.told.rival.tx); m != nil {
			return m.by(w.told.rival)
		}
	}
	return nil
}

// learn notes the slot and the deed of w's transaction, if they were not known. A start that names another slot than the transaction
// itself has is wrong: what takes that one is no replacement.
func (b *book) learn(w *watch, t *occupant) {
	if w.ref.extra == nil {
		w.ref.extra = &extra{}
	}
	x := w.ref.extra
	if x.deed == 0 && t.tx == w.ref.hash {
		x.deed = t.deed
	}
	if x.slotted && t.tx == w.ref.hash && x.slot() != t.slot {
		b.slots.remove(w)
		delete(b.proofs, w)
		x.slotted, x.free = false, 0
	}
	if !x.slotted {
		x.nonce, x.from, x.slotted = t.slot.nonce, t.slot.from, true
		b.slots.add(w)
	}
}

// covers reports whether every block above a height is in the window.
func (b *book) covers(since uint64) bool {
	return since > 0 && !b.window.empty() && since+1 >= b.window.tail()
}

// remove takes a watch out for good.
func (b *book) remove(w *watch) {
	b.setWake(w, source.Wake{})
	b.unlist(w)
	delete(b.sinces, w)
	delete(b.depths, w)
	delete(b.proofs, w)
	w.in = closed
	b.count--
	b.index.remove(w)
	b.slots.remove(w)
}

// unlist takes w out of the list it is in, if it is in one; a height's list that becomes empty goes too. While w is in the
// list of a height its place is at that height.
func (b *book) unlist(w *watch) {
	switch w.in {
	case inUrgent:
		b.urgent.cut(w)
	case inAgain:
		b.again.cut(w)
	case inSilent:
		b.silent.cut(w)
	case inUsedUp:
		b.usedUp.cut(w)
	case inOwed:
		b.owed.cut(w)
	case inSeated:
		l := b.seated[w.place.number]
		if l.cut(w); l.n == 0 {
			delete(b.seated, w.place.number)
		}
	}
}

// seat says that w's transaction, or the rival of m, is in the block of m. The receipt follows if the observer doesn't know.
func (b *book) seat(w *watch, m *mark) {
	b.unlist(w)
	delete(b.proofs, w)
	w.place = m
	if !w.settled() || w.ask {
		b.owed.pushBack(w)
		return
	}
	b.sit(w)
}

// tenths is a time in tenths of a second since the book began, rounded down but at least 1; 0: never. There is room for 13 years.
type tenths uint32

const tenth = time.Second / 10

func (b *book) since(now time.Time) tenths { return tenths(max(now.Sub(b.began)/tenth, 1)) }

func (b *book) timeOf(t tenths) time.Time { return b.began.Add(time.Duration(t) * tenth) }

// sit puts a settled watch among those of its height.
func (b *book) sit(w *watch) {
	delete(b.depths, w)
	l := b.seated[w.place.number]
	if l == nil {
		l = &list{room: inSeated}
		b.seated[w.place.number] = l
	}
	l.pushBack(w)
}

// settle hands over that w's transaction, or another one of its slot, is at its place, with the receipt r of that very block.
func (b *book) settle(w *watch, r *receipt, now time.Time) {
	from, successBefore, moved := w.told, w.success, !w.settled()
	depth := b.depths[w]
	known := w.told != nil
	b.unlist(w)
	w.told, w.success, w.checked = w.place, r.success, b.since(now)
	b.sit(w)
	o := b.observation(source.Included, now)
	o.Inclusion = r.inclusion(w.place)
	if other := w.place.rival; other != nil {
		o.Kind, o.By, o.Replacement = source.Replacing, other.tx.String(), other.kind
	}
	switch {
	case known && moved:
		o.Kind, o.From, o.Depth = source.Reorged, was(from, successBefore), b.depthOf(depth, from)
	case !moved && !w.ask:
		b.fire(w, now)
		return
	}
	w.ask = false
	w.obs.Observe(o)
	b.fire(w, now)
}

// gone hands over that w's transaction is in no block any more, and has it looked up.
func (b *book) gone(w *watch, now time.Time) {
	if w.told != nil {
		o := b.observation(source.Reorged, now)
		o.From, o.Depth = was(w.told, w.success), b.depthOf(b.depths[w], w.told)
		w.told, w.ask = nil, false
		delete(b.depths, w)
		w.obs.Observe(o)
	}
	b.urgent.pushBack(w)
}

// depthOf returns how many blocks a reorganisation took back that took from back; depth is what was seen of it, 0: nothing.
func (b *book) depthOf(depth uint64, from *mark) uint64 {
	if depth == 0 && !b.window.empty() && b.window.head().number >= from.number {
		depth = b.window.head().number - from.number + 1 // nobody here saw the old branch: at least this much of it is gone
	}
	return max(depth, 1)
}

// refresh has w looked at again as soon as possible.
func (b *book) refresh(w *watch) {
	w.ask = true
	b.unlist(w)
	if w.place != nil {
		b.owed.pushFront(w)
	} else {
		b.urgent.pushFront(w)
	}
}

// observation returns what all observations made now have in common.
func (b *book) observation(kind source.Kind, now time.Time) source.Observation {
	o := source.Observation{Kind: kind, At: now}
	if !b.window.empty() {
		o.Head = b.window.head().number
		o.Safe, o.Finalized = b.tags.height(source.Safe, o.Head), b.tags.height(source.Finalized, o.Head)
	}
	return o
}

// was is an inclusion that is history: its block and outcome are what is still known.
func was(m *mark, success bool) *source.Inclusion {
	return &source.Inclusion{Block: m.ref, Success: success}
}

package registry

import (
	"hash/maphash"
	"math/bits"
	"sync"
	"sync/atomic"
)

const (
	shardBits  = 8
	shardCount = 1 << shardBits

	// A group is one cache line on 64-bit machines.
	groupCells = 7

	// A table is made anew when seven eighths of its cells are used, at most six eighths full, so that this is rare also when
	// most of the used cells are marks of removed elements.
	maxLoad, newLoad, ofLoad = 7, 6, 8
)

// Tags of cells: seven bytes of a word, the eighth always says gone.
const (
	tagEmpty = 0 // a probe ends in a group with such a cell
	tagGone  = 1 // removed from a group that was full once, which probes may have passed
	tagFirst = 2 // from here on: bits of the hash of the key in the cell

	noTags   = uint64(tagGone) << 56
	lowBits  = 0x0101_0101_0101_0101
	highBits = 0x8080_8080_8080_8080
)

// index holds elements E that know their key K.
type index[K comparable, E any] struct {
	seed   maphash.Seed
	keyOf  func(*E) K // always the same of one element
	shards [shardCount]shard[E]
}

// group is read without a lock: tags as a whole, then the cells whose tags match. So an element is stored before its tag, and
// its tag removed before it is.
type group[E any] struct {
	tags  atomic.Uint64
	cells [groupCells]atomic.Pointer[E]
}

type groups[E any] []group[E]

// shard is one cache line, so that writers of neighbours don't disturb its readers.
type shard[E any] struct {
	groups atomic.Pointer[groups[E]]
	live   atomic.Int64

	mu   sync.Mutex // guards writes to groups, live and used
	used int        // cells whose tag is not empty
	_    [32]byte
}

// place is a cell.
type place[E any] struct {
	group *group[E]
	cell  int
}

func (p place[E]) replace(e *E) { p.group.cells[p.cell].Store(e) }

func (p place[E]) fill(e *E, tag uint64) {
	p.replace(e)
	p.tag(tag)
}

func (p place[E]) tag(tag uint64) {
	shift := 8 * p.cell
	p.group.tags.Store(p.group.tags.Load()&^(0xff<<shift) | tag<<shift)
}

func tagOf(h uint64) uint64 { return max(h>>(64-shardBits-8)&0xff, tagFirst) }

// matches has the high bit of every byte of tags that is tag set, and maybe of some more above the first of them.
func matches(tags, tag uint64) uint64 {
	x := tags ^ tag*lowBits
	return (x - lowBits) &^ x & highBits
}

func (x *index[K, E]) hash(key K) uint64 { return maphash.Comparable(x.seed, key) }

func (x *index[K, E]) shard(h uint64) *shard[E] { return &x.shards[h>>(64-shardBits)] }

// find ends because an eighth of the cells is always empty.
func (x *index[K, E]) find(s *shard[E], h uint64, key K) (*E, place[E]) {
	p := s.groups.Load()
	if p == nil {
		return nil, place[E]{}
	}
	gs := *p
	tag := tagOf(h)
	for i := h; ; i++ {
		g := &gs[i&uint64(len(gs)-1)]
		tags := g.tags.Load()
		for m := matches(tags, tag); m != 0; m &= m - 1 {
			cell := bits.TrailingZeros64(m) / 8
			if cell >= groupCells {
				break
			}
			if e := g.cells[cell].Load(); e != nil && x.keyOf(e) == key {
				return e, place[E]{g, cell}
			}
		}
		if matches(tags, tagEmpty) != 0 {
			return nil, place[E]{}
		}
	}
}

// insertLocked puts e, whose key is absent, into the first free cell of its run.
func (x *index[K, E]) insertLocked(s *shard[E], h uint64, e *E) {
	p := s.groups.Load()
	if p == nil || ofLoad*(s.used+1) > maxLoad*groupCells*len(*p) {
		p = x.resizeLocked(s, int(s.live.Load())+1)
	}
	if p.insert(h, e) == tagEmpty {
		s.used++
	}
	s.live.Add(1)
}

// insert returns the tag that the cell had.
func (p *groups[E]) insert(h uint64, e *E) (before uint64) {
	gs := *p
	for i := h; ; i++ {
		g := &gs[i&uint64(len(gs)-1)]
		tags := g.tags.Load()
		for cell := range groupCells {
			if before = tags >> (8 * cell) & 0xff; before < tagFirst {
				place[E]{g, cell}.fill(e, tagOf(h))
				return before
			}
		}
	}
}

// removeLocked empties the cell. In a group that was never full no mark is needed.
func (x *index[K, E]) removeLocked(s *shard[E], at place[E]) {
	if matches(at.group.tags.Load(), tagEmpty) != 0 {
		at.tag(tagEmpty)
		s.used--
	} else {
		at.tag(tagGone)
	}
	at.replace(nil)
	live := int(s.live.Add(-1))
	size := len(*s.groups.Load())
	switch {
	case live == 0:
		s.groups.Store(nil)
		s.used = 0
	case size > 1 && 8*live < groupCells*size:
		x.resizeLocked(s, live)
	}
}

// resizeLocked publishes a fresh table for n elements. The old one is left as it is, for the readers in it.
func (x *index[K, E]) resizeLocked(s *shard[E], n int) *groups[E] {
	size := 1
	for ofLoad*n > newLoad*groupCells*size {
		size *= 2
	}
	next := make(groups[E], size)
	for i := range next {
		next[i].tags.Store(noTags)
	}
	s.used = 0
	s.each(func(e *E) {
		next.insert(x.hash(x.keyOf(e)), e)
		s.used++
	})
	s.groups.Store(&next)
	return &next
}

func (s *shard[E]) each(visit func(*E)) {
	p := s.groups.Load()
	if p == nil {
		return
	}
	for i := range *p {
		for cell := range groupCells {
			if e := (*p)[i].cells[cell].Load(); e != nil {
				visit(e)
			}
		}
	}
}

func (x *index[K, E]) lookup(key K) *E {
	h := x.hash(key)
	e, _ := x.find(x.shard(h), h, key)
	return e
}

// Len returns how many keys are registered, without visiting them.
func (x *index[K, E]) Len() int {
	n := int64(0)
	for i := range x.shards {
		n += x.shards[i].live.Load()
	}
	return int(n)
}

// visit calls each with copies of the shards, taken one at a time, so that it runs without a lock.
func (x *index[K, E]) visit(each func(*E) bool) {
	var batch []*E
	for i := range x.shards {
		batch = x.shards[i].copyTo(batch[:0])
		for _, e := range batch {
			if !each(e) {
				return
			}
		}
	}
}

func (s *shard[E]) copyTo(batch []*E) []*E {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.each(func(e *E) { batch = append(batch, e) })
	return batch
}

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
	// most of the used cells are marks of removed entries.
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

// entry is immutable once published. The value stands first because a zero-size last field would be padded.
type entry[K, P comparable, V any] struct {
	value V
	key   K
	owner P
}

// group is read without a lock: tags as a whole, then the cells whose tags match. So an entry is stored before its tag, and
// its tag removed before it is.
type group[K, P comparable, V any] struct {
	tags  atomic.Uint64
	cells [groupCells]atomic.Pointer[entry[K, P, V]]
}

type groups[K, P comparable, V any] []group[K, P, V]

// shard is one cache line, so that writers of neighbours don't disturb its readers.
type shard[K, P comparable, V any] struct {
	groups atomic.Pointer[groups[K, P, V]]
	live   atomic.Int64

	mu   sync.Mutex // guards writes to groups, live and used
	used int        // cells whose tag is not empty
	_    [32]byte
}

// place is a cell.
type place[K, P comparable, V any] struct {
	group *group[K, P, V]
	cell  int
}

func (p place[K, P, V]) replace(e *entry[K, P, V]) { p.group.cells[p.cell].Store(e) }

func (p place[K, P, V]) fill(e *entry[K, P, V], tag uint64) {
	p.replace(e)
	p.tag(tag)
}

func (p place[K, P, V]) tag(tag uint64) {
	shift := 8 * p.cell
	p.group.tags.Store(p.group.tags.Load()&^(0xff<<shift) | tag<<shift)
}

func tagOf(h uint64) uint64 { return max(h>>(64-shardBits-8)&0xff, tagFirst) }

// matches has the high bit of every byte of tags that is tag set, and maybe of some more above the first of them.
func matches(tags, tag uint64) uint64 {
	x := tags ^ tag*lowBits
	return (x - lowBits) &^ x & highBits
}

func (t *Table[K, P, V]) hash(key K) uint64 { return maphash.Comparable(t.seed, key) }

func (t *Table[K, P, V]) shard(h uint64) *shard[K, P, V] { return &t.shards[h>>(64-shardBits)] }

// find ends because an eighth of the cells is always empty.
func (s *shard[K, P, V]) find(h uint64, key K) (*entry[K, P, V], place[K, P, V]) {
	p := s.groups.Load()
	if p == nil {
		return nil, place[K, P, V]{}
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
			if e := g.cells[cell].Load(); e != nil && e.key == key {
				return e, place[K, P, V]{g, cell}
			}
		}
		if matches(tags, tagEmpty) != 0 {
			return nil, place[K, P, V]{}
		}
	}
}

// insertLocked puts e, whose key is absent, into the first free cell of its run.
func (t *Table[K, P, V]) insertLocked(s *shard[K, P, V], h uint64, e *entry[K, P, V]) {
	p := s.groups.Load()
	if p == nil || ofLoad*(s.used+1) > maxLoad*groupCells*len(*p) {
		p = t.resizeLocked(s, int(s.live.Load())+1)
	}
	if p.insert(h, e) == tagEmpty {
		s.used++
	}
	s.live.Add(1)
}

// insert returns the tag that the cell had.
func (p *groups[K, P, V]) insert(h uint64, e *entry[K, P, V]) (before uint64) {
	gs := *p
	for i := h; ; i++ {
		g := &gs[i&uint64(len(gs)-1)]
		tags := g.tags.Load()
		for cell := range groupCells {
			if before = tags >> (8 * cell) & 0xff; before < tagFirst {
				place[K, P, V]{g, cell}.fill(e, tagOf(h))
				return before
			}
		}
	}
}

// removeLocked empties the cell. In a group that was never full no mark is needed.
func (t *Table[K, P, V]) removeLocked(s *shard[K, P, V], at place[K, P, V]) {
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
		t.resizeLocked(s, live)
	}
}

// resizeLocked publishes a fresh table for n entries. The old one is left as it is, for the readers in it.
func (t *Table[K, P, V]) resizeLocked(s *shard[K, P, V], n int) *groups[K, P, V] {
	size := 1
	for ofLoad*n > newLoad*groupCells*size {
		size *= 2
	}
	next := make(groups[K, P, V], size)
	for i := range next {
		next[i].tags.Store(noTags)
	}
	s.used = 0
	s.each(func(e *entry[K, P, V]) {
		next.insert(t.hash(e.key), e)
		s.used++
	})
	s.groups.Store(&next)
	return &next
}

func (s *shard[K, P, V]) each(visit func(*entry[K, P, V])) {
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

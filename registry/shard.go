package registry

import (
	"hash/maphash"
	"sync"
	"sync/atomic"
)

const (
	shardBits  = 8
	shardCount = 1 << shardBits
	minCells   = 8
)

// entry is immutable once published. The value stands first because a zero-size last field would be padded.
type entry[K, P comparable, V any] struct {
	value V
	key   K
	owner P
}

type cells[K, P comparable, V any] []atomic.Pointer[entry[K, P, V]]

// shard is one cache line, so that writers of neighbours don't disturb its readers.
type shard[K, P comparable, V any] struct {
	cells atomic.Pointer[cells[K, P, V]]
	live  atomic.Int64

	mu   sync.Mutex // guards writes to cells, live and used
	used int        // cells that are not nil: live ones and marks of removed ones
	_    [32]byte
}

func (t *Table[K, P, V]) hash(key K) uint64 { return maphash.Comparable(t.seed, key) }

func (t *Table[K, P, V]) shard(h uint64) *shard[K, P, V] { return &t.shards[h>>(64-shardBits)] }

// find ends because a quarter of the cells is always nil.
func (t *Table[K, P, V]) find(key K) *entry[K, P, V] {
	h := t.hash(key)
	p := t.shard(h).cells.Load()
	if p == nil {
		return nil
	}
	cs := *p
	for i := h; ; i++ {
		e := cs[i&uint64(len(cs)-1)].Load()
		if e == nil {
			return nil
		}
		if e.key == key && e != t.gone {
			return e
		}
	}
}

// cellLocked returns the cell that holds key, or nil.
func (t *Table[K, P, V]) cellLocked(s *shard[K, P, V], h uint64, key K) *atomic.Pointer[entry[K, P, V]] {
	p := s.cells.Load()
	if p == nil {
		return nil
	}
	cs := *p
	for i := h; ; i++ {
		cell := &cs[i&uint64(len(cs)-1)]
		e := cell.Load()
		if e == nil {
			return nil
		}
		if e.key == key && e != t.gone {
			return cell
		}
	}
}

// insertLocked puts e, whose key is absent, into the first free cell of its run.
func (t *Table[K, P, V]) insertLocked(s *shard[K, P, V], h uint64, e *entry[K, P, V]) {
	p := s.cells.Load()
	if p == nil || 4*(s.used+1) > 3*len(*p) {
		p = t.resizeLocked(s, int(s.live.Load())+1)
	}
	cs := *p
	for i := h; ; i++ {
		cell := &cs[i&uint64(len(cs)-1)]
		old := cell.Load()
		if old != nil && old != t.gone {
			continue
		}
		if old == nil {
			s.used++
		}
		cell.Store(e)
		s.live.Add(1)
		return
	}
}

// removeLocked empties cell. Marks of removed entries that end a run are dropped with it: no probe has to pass them.
func (t *Table[K, P, V]) removeLocked(s *shard[K, P, V], h uint64, cell *atomic.Pointer[entry[K, P, V]]) {
	cs := *s.cells.Load()
	mask := uint64(len(cs) - 1)
	i := h & mask
	for &cs[i] != cell {
		i = (i + 1) & mask
	}
	cell.Store(t.gone)
	live := int(s.live.Add(-1))
	if cs[(i+1)&mask].Load() == nil {
		for cs[i].Load() == t.gone {
			cs[i].Store(nil)
			s.used--
			i = (i - 1) & mask
		}
	}
	switch {
	case live == 0:
		s.cells.Store(nil)
		s.used = 0
	case len(cs) > minCells && 8*live < len(cs):
		t.resizeLocked(s, live)
	}
}

// resizeLocked publishes a fresh table for n entries, between three eighths and three quarters full.
func (t *Table[K, P, V]) resizeLocked(s *shard[K, P, V], n int) *cells[K, P, V] {
	size := minCells
	for 3*size < 4*n {
		size *= 2
	}
	next := make(cells[K, P, V], size)
	used := 0
	if old := s.cells.Load(); old != nil {
		for i := range *old {
			e := (*old)[i].Load()
			if e == nil || e == t.gone {
				continue
			}
			used++
			j := t.hash(e.key)
			for next[j&uint64(size-1)].Load() != nil {
				j++
			}
			next[j&uint64(size-1)].Store(e)
		}
	}
	s.used = used
	s.cells.Store(&next)
	return &next
}

package ethereum

import (
	"math/bits"
	"slices"
)

// table is a map from keys to watches that asks the watches for their keys instead of keeping them: 9 bytes a slot, of which
// more than three in five are used at any size, where Go's map takes 17 and fills two in five after it has grown. Keys are hash values.
// The zero value with keyOf set is an empty table.
//
// It is open addressing with linear probing in parts that grow one by one, so that no insertion among millions moves more
// than its part.
type table struct {
	keyOf func(*watch) uint64
	n     int
	parts [tableParts]tablePart
}

const tableParts = 256

// full reports whether one more key would leave too few slots free: a search in vain ends at a free one.
func (p *tablePart) full() bool { return 6*(p.n+1) > 5*len(p.tags) }

// sparse reports whether the part is worth shrinking.
func (p *tablePart) sparse() bool { return len(p.tags) > 8 && 4*p.n < len(p.tags) }

// tablePart holds the keys of one first byte. Tags tell most other keys apart without a look at the watch.
type tablePart struct {
	tags    []uint8 // 0: the slot is free
	watches []*watch
	n       int
}

// get returns the watch of a key, nil if there is none.
func (t *table) get(key uint64) *watch {
	p := t.part(key)
	if i, ok := p.find(key, t.keyOf); ok {
		return p.watches[i]
	}
	return nil
}

// set makes w the watch of its key and returns the one that was before, nil if there was none.
func (t *table) set(w *watch) (before *watch) {
	key := t.keyOf(w)
	p := t.part(key)
	i, ok := p.find(key, t.keyOf)
	if ok {
		before, p.watches[i] = p.watches[i], w
		return before
	}
	if p.full() {
		p.resize(len(p.tags)*5/4+4, t.keyOf)
		i, _ = p.find(key, t.keyOf)
	}
	p.tags[i], p.watches[i] = tagOf(key), w
	p.n++
	t.n++
	return nil
}

// delete takes the watch of a key out, if there is one.
func (t *table) delete(key uint64) {
	p := t.part(key)
	i, ok := p.find(key, t.keyOf)
	if !ok {
		return
	}
	p.free(i, t.keyOf)
	p.n--
	t.n--
	if p.sparse() {
		p.resize(len(p.tags)/2, t.keyOf)
	}
}

func (t *table) part(key uint64) *tablePart { return &t.parts[key>>56] }

// tagOf returns the key's last byte but 0.
func tagOf(key uint64) uint8 { return max(uint8(key), 1) }

// home returns where the search for a key begins. It takes bits that part and tag leave.
func (p *tablePart) home(key uint64) int {
	hi, _ := bits.Mul64(key<<8, uint64(len(p.tags)))
	return int(hi)
}

func (p *tablePart) next(i int) int {
	if i++; i == len(p.tags) {
		return 0
	}
	return i
}

// find returns the slot of a key or, not ok, the free one where it would be.
func (p *tablePart) find(key uint64, keyOf func(*watch) uint64) (slot int, ok bool) {
	if len(p.tags) == 0 {
		return 0, false
	}
	tag := tagOf(key)
	for i := p.home(key); ; i = p.next(i) {
		switch {
		case p.tags[i] == 0:
			return i, false
		case p.tags[i] == tag && keyOf(p.watches[i]) == key:
			return i, true
		}
	}
}

// free empties a slot and moves those behind it up whose search would end there now.
func (p *tablePart) free(slot int, keyOf func(*watch) uint64) {
	for i := p.next(slot); p.tags[i] != 0; i = p.next(i) {
		home := p.home(keyOf(p.watches[i]))
		if between(slot, home, i) {
			continue
		}
		p.tags[slot], p.watches[slot] = p.tags[i], p.watches[i]
		slot = i
	}
	p.tags[slot], p.watches[slot] = 0, nil
}

// between reports whether home is behind slot and not behind i, in a ring.
func between(slot, home, i int) bool {
	if slot < i {
		return slot < home && home <= i
	}
	return slot < home || home <= i
}

func (p *tablePart) resize(slots int, keyOf func(*watch) uint64) {
	before := *p
	p.watches = slices.Grow([]*watch(nil), slots)
	p.watches = p.watches[:cap(p.watches)] // all that is allocated
	p.tags = make([]uint8, len(p.watches))
	for i, tag := range before.tags {
		if tag == 0 {
			continue
		}
		w := before.watches[i]
		j := p.home(keyOf(w))
		for p.tags[j] != 0 {
			j = p.next(j)
		}
		p.tags[j], p.watches[j] = tag, w
	}
}

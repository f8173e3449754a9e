package ethereum

import (
	"encoding/binary"
	"hash/maphash"
	"iter"
)

// slot is a sender and a nonce: of all transactions that have them, only one can be in the chain. It is the key of a map.
type slot struct {
	nonce uint64
	from  Address
}

// slots finds watches by their transaction's slot, where it is known: the start named it, or a node did that knew the
// transaction. A watch stays in it until it is closed, in a block or not: a reorganisation may put another transaction in its
// place.
type slots struct {
	table table
	seed  maphash.Seed // of its own: whoever chooses nonces cannot choose keys
}

func newSlots() *slots {
	x := &slots{seed: maphash.MakeSeed()}
	x.table.keyOf = func(w *watch) uint64 { return x.key(w.ref.extra.slot()) }
	return x
}

func (x *slots) key(s slot) uint64 {
	var b [28]byte
	binary.LittleEndian.PutUint64(b[:], s.nonce)
	copy(b[8:], s.from[:])
	return maphash.Bytes(x.seed, b[:])
}

// empty reports whether no watch has a slot: then whole blocks are of no use.
func (x *slots) empty() bool { return x.table.n == 0 }

// add puts w in, whose slot is known; it must not be in.
func (x *slots) add(w *watch) { w.ref.extra.twin = x.table.set(w) }

// remove takes w out, if its slot is known.
func (x *slots) remove(w *watch) {
	if !w.ref.hasSlot() {
		return
	}
	key := x.key(w.ref.extra.slot())
	first := x.table.get(key)
	switch {
	case first != w:
		for first.ref.extra.twin != w {
			first = first.ref.extra.twin
		}
		first.ref.extra.twin = w.ref.extra.twin
	case w.ref.extra.twin != nil:
		x.table.set(w.ref.extra.twin)
	default:
		x.table.delete(key)
	}
	w.ref.extra.twin = nil
}

// replacedBy returns the watches whose slot t takes, being another transaction than theirs.
func (x *slots) replacedBy(t *occupant) iter.Seq[*watch] {
	return func(yield func(*watch) bool) {
		for w := x.table.get(x.key(t.slot)); w != nil; w = w.ref.extra.twin {
			if w.ref.extra.slot() == t.slot && w.ref.hash != t.tx && !yield(w) {
				return
			}
		}
	}
}

// replaces reports whether t takes the slot of any watched transaction but itself.
func (x *slots) replaces(t *occupant) bool {
	for range x.replacedBy(t) {
		return true
	}
	return false
}

package ethereum

import (
	"hash/maphash"
	"iter"
)

// index finds watches by their transaction's hash. Several may watch the same one: they, and the hardly ever seen hashes
// that share a key, are in a chain.
type index struct {
	table table
	seed  maphash.Seed // of its own: whoever chooses hashes cannot choose keys
}

func newIndex() *index {
	x := &index{seed: maphash.MakeSeed()}
	x.table.keyOf = func(w *watch) uint64 { return x.key(&w.ref.hash) }
	return x
}

func (x *index) key(tx *Hash) uint64 { return maphash.Bytes(x.seed, tx[:]) }

func (x *index) add(w *watch) { w.twin = x.table.set(w) }

// remove takes w out; it must be in.
func (x *index) remove(w *watch) {
	key := x.key(&w.ref.hash)
	first := x.table.get(key)
	switch {
	case first != w:
		for first.twin != w {
			first = first.twin
		}
		first.twin = w.twin
	case w.twin != nil:
		x.table.set(w.twin)
	default:
		x.table.delete(key)
	}
	w.twin = nil
}

// of returns the watches of a transaction, the youngest first.
func (x *index) of(tx Hash) iter.Seq[*watch] {
	return func(yield func(*watch) bool) {
		for w := x.table.get(x.key(&tx)); w != nil; w = w.twin {
			if w.ref.hash == tx && !yield(w) {
				return
			}
		}
	}
}

// has reports whether anybody watches a transaction.
func (x *index) has(tx Hash) bool {
	for range x.of(tx) {
		return true
	}
	return false
}

package ethereum

import (
	"encoding/binary"
	"iter"
)

// index finds watches by their transaction's hash. Its keys are the hashes' first 64 bits: hashes are random, so that more
// would only cost memory, and the few that share a key are told apart on the way through their chain.
type index map[uint64]*watch

func key(tx Hash) uint64 { return binary.BigEndian.Uint64(tx[:]) }

func (x index) add(w *watch) {
	k := key(w.ref.hash)
	w.twin = x[k]
	x[k] = w
}

// remove takes w out; it must be in.
func (x index) remove(w *watch) {
	k := key(w.ref.hash)
	if x[k] == w {
		if w.twin == nil {
			delete(x, k)
		} else {
			x[k] = w.twin
		}
		return
	}
	before := x[k]
	for before.twin != w {
		before = before.twin
	}
	before.twin = w.twin
}

// of returns the watches of a transaction, the youngest first.
func (x index) of(tx Hash) iter.Seq[*watch] {
	return func(yield func(*watch) bool) {
		for w := x[key(tx)]; w != nil; w = w.twin {
			if w.ref.hash == tx && !yield(w) {
				return
			}
		}
	}
}

// has reports whether anybody watches a transaction.
func (x index) has(tx Hash) bool {
	for range x.of(tx) {
		return true
	}
	return false
}

package registry

import "iter"

// All yields every key with its owner, each key at most once, in no order. What is registered during the whole call is
// yielded; what comes or goes meanwhile may be. The table may be changed while ranging.
func (t *Table[K, P, V]) All() iter.Seq2[K, P] {
	return func(yield func(K, P) bool) {
		t.visit(func(e *entry[K, P, V]) bool { return yield(e.key, e.owner) })
	}
}

// Select yields what All does as far as keep says so. A nil keep keeps everything.
func (t *Table[K, P, V]) Select(keep func(key K, owner P, value V) bool) iter.Seq2[K, P] {
	return func(yield func(K, P) bool) {
		t.visit(func(e *entry[K, P, V]) bool {
			return keep != nil && !keep(e.key, e.owner, e.value) || yield(e.key, e.owner)
		})
	}
}

// Count returns how many entries Select would yield.
func (t *Table[K, P, V]) Count(keep func(key K, owner P, value V) bool) int {
	if keep == nil {
		return t.Len()
	}
	n := 0
	for range t.Select(keep) {
		n++
	}
	return n
}

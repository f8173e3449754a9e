package ethereum

import (
	"encoding/binary"
	"maps"
	"testing"

	"pgregory.net/rapid"
)

// keyed returns a watch whose key in a newKeyedTable is key.
func keyed(key uint64) *watch {
	w := &watch{}
	binary.BigEndian.PutUint64(w.ref.hash[:], key)
	return w
}

func newKeyedTable() *table {
	return &table{keyOf: func(w *watch) uint64 { return binary.BigEndian.Uint64(w.ref.hash[:]) }}
}

// Whatever comes and goes, a table holds what a map would. The keys are few, and close to each other, so that searches get into
// each other's way.
func TestTableIsAMap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		table, model := newKeyedTable(), map[uint64]*watch{}
		key := rapid.Custom(func(t *rapid.T) uint64 {
			home, tag := rapid.Uint64Range(0, 40).Draw(t, "home"), rapid.Uint64Range(0, 2).Draw(t, "tag")
			return home<<51 | tag // homes are spread from the first slot to beyond the first half
		})
		for range rapid.IntRange(1, 400).Draw(t, "steps") {
			k := key.Draw(t, "key")
			if rapid.IntRange(0, 2).Draw(t, "what") == 0 {
				table.delete(k)
				delete(model, k)
			} else {
				w := keyed(k)
				if before := table.set(w); before != model[k] {
					t.Fatalf("set of %x returned %p, want %p", k, before, model[k])
				}
				model[k] = w
			}
			if table.n != len(model) {
				t.Fatalf("%d watches, want %d", table.n, len(model))
			}
		}
		for home := range uint64(41) {
			for tag := range uint64(3) {
				if k := home<<51 | tag; table.get(k) != model[k] {
					t.Fatalf("%x gives %p, want %p", k, table.get(k), model[k])
				}
			}
		}
		for k := range maps.Keys(model) {
			table.delete(k)
		}
		if table.n != 0 {
			t.Fatalf("%d watches after all were deleted", table.n)
		}
	})
}

// A table that was large and is not any more gives back what it took.
func TestTableShrinks(t *testing.T) {
	const n = 100_000
	table := newKeyedTable()
	key := func(i uint64) uint64 { return i * 0x9e3779b97f4a7c15 }
	for i := range uint64(n) {
		table.set(keyed(key(i)))
	}
	slots := func() (all int) {
		for i := range table.parts {
			all += len(table.parts[i].tags)
		}
		return all
	}
	if got := slots(); got < n || got > n*8/5 {
		t.Errorf("%d slots for %d watches", got, n)
	}
	for i := range uint64(n - 100) {
		table.delete(key(i))
	}
	if got := slots(); got > tableParts*8 {
		t.Errorf("%d slots for 100 watches", got)
	}
	for i := range uint64(n) {
		if found := table.get(key(i)) != nil; found != (i >= n-100) {
			t.Fatalf("key %d: found %v", i, found)
		}
	}
}

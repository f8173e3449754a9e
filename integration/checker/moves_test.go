package checker

import (
	"maps"
	"testing"
)

// shared returns owners of whom each has so many.
func shared(n map[string]int) map[int]string {
	owners, next := make(map[int]string), 0
	for w, count := range n {
		for range count {
			owners[next] = w
			next++
		}
	}
	return owners
}

func TestLeastMovesAreThoseThatMakeUpWhatIsLacking(t *testing.T) {
	for _, c := range []struct {
		before  map[string]int
		workers []string
		want    int
	}{
		{map[string]int{"a": 256}, []string{"a"}, 0},
		{map[string]int{"a": 256}, []string{"a", "b"}, 128},
		{map[string]int{"a": 256}, []string{"a", "b", "c"}, 170},
		{map[string]int{"a": 85, "b": 86, "c": 85}, []string{"a", "b", "c"}, 0},
		{map[string]int{"a": 85, "b": 86, "c": 85}, []string{"a", "b"}, 85},
		{map[string]int{"a": 128, "b": 128}, []string{"c"}, 256},
	} {
		if got := LeastMoves(shared(c.before), c.workers); got != c.want {
			t.Errorf("%v to %v: %d moves at least, want %d", c.before, c.workers, got, c.want)
		}
	}
}

func TestMovesAreClaimsByAnotherWorker(t *testing.T) {
	owners := map[int]string{1: "a", 2: "a", 3: "a"}
	m := Follow(owners, []Claim{
		{Sequence: 1, Partition: 1, Worker: "a", Released: true},
		{Sequence: 2, Partition: 1, Worker: "b"},
		{Sequence: 3, Partition: 2, Worker: "a"}, // after a freeze
		{Sequence: 4, Partition: 3, Worker: "b"},
		{Sequence: 5, Partition: 3, Worker: "a"},
	})
	if m.Total != 3 || !maps.Equal(m.Twice, map[int]int{3: 2}) {
		t.Errorf("moves are %+v", m)
	}
	if want := map[int]string{1: "b", 2: "a", 3: "a"}; !maps.Equal(owners, want) {
		t.Errorf("owners are %v, want %v", owners, want)
	}
}

package bus

import "testing"

// TestGateIsCrowdedOnceItIsFull: who lets its batch grow while others are under way must do so where the gate lets only one in, too.
func TestGateIsCrowdedOnceItIsFull(t *testing.T) {
	for _, limit := range []int{1, 2, 8} {
		g := newGate(limit)
		for inside := range limit {
			if crowded := g.crowded(enoughBatches) != nil; crowded != (inside >= min(enoughBatches, limit)) {
				t.Errorf("limit %d, %d inside: crowded is %v", limit, inside, crowded)
			}
			if g.tryEnter() != nil {
				t.Fatalf("limit %d, %d inside: no way in", limit, inside)
			}
		}
		if g.crowded(enoughBatches) == nil {
			t.Errorf("limit %d: full, and not crowded", limit)
		}
	}
}

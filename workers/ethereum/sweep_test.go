package ethereum

import (
	"testing"
	"time"
)

// A sweep of a hundred thousand pending transactions keeps within its calls at every poll, and comes to everyone, in the order in
// which they were looked at, before it comes to anyone again.
func TestSweepOfManyInOrder(t *testing.T) {
	const watches, calls, rounds = 100_000, 100, 3
	mixed := func(i uint64) *extra { // every other one costs a question for its nonce the first time
		if i%2 == 0 {
			return nil
		}
		return withSlot(i)
	}
	s, err := bookOf(watches, mixed)
	if err != nil {
		t.Fatal(err)
	}
	now := s.book.began
	s.book.apply(branch{blocks: []*block{whole(strangers(1))}}, nil, now)
	by := witness{current: true, endpoints: 1}
	look := func(ws []*watch) {
		for _, w := range ws {
			s.book.resolve(&finding{w: w, counted: s.book.doubts(w)}, by, now)
		}
	}
	for s.book.urgent.n > 0 {
		look(s.book.takeUrgent(calls))
	}
	order := s.book.silent.all()
	for round := range rounds {
		for next := 0; next < watches; {
			now = now.Add(time.Second)
			spent, ws := 0, s.book.takeSilent(calls, now.Add(-time.Minute))
			for _, w := range ws {
				if spent += s.book.cost(w); w != order[next] {
					t.Fatalf("round %d: another watch than the one that waits longest at %d", round, next)
				}
				next++
			}
			if spent > calls {
				t.Fatalf("round %d: %d calls at one poll, want at most %d", round, spent, calls)
			}
			look(ws)
		}
	}
	if n := s.book.silent.n; n != watches {
		t.Errorf("%d in the sweep, want %d", n, watches)
	}
}

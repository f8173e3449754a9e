package simulated

import (
	"testing"

	"pgregory.net/rapid"
)

// An agenda gives what a list that is searched gives.
func TestAgendaAgreesWithAList(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := newAgenda(dueOf)
		watches := make([]*watch, 20)
		for i := range watches {
			watches[i] = &watch{}
		}
		model := map[*watch]uint64{}
		for range rapid.IntRange(1, 300).Draw(t, "steps") {
			w := watches[rapid.IntRange(0, len(watches)-1).Draw(t, "watch")]
			n := rapid.Uint64Range(0, 9).Draw(t, "number")
			switch rapid.IntRange(0, 2).Draw(t, "step") {
			case 0:
				a.put(w, n)
				model[w] = n
			case 1:
				a.remove(w)
				delete(model, w)
			case 2:
				lowest, found := n+1, false
				for _, m := range model {
					if m <= n && m < lowest {
						lowest, found = m, true
					}
				}
				got := a.next(n)
				if (got != nil) != found || found && model[got] != lowest {
					t.Fatalf("next(%d) is %+v, want one of number %d: %v", n, got, lowest, found)
				}
			}
		}
	})
}

// Watches that come and go at ever other numbers leave nothing behind.
func TestAgendaForgets(t *testing.T) {
	a := newAgenda(dueOf)
	w := &watch{}
	for n := range uint64(100_000) {
		a.put(w, n)
	}
	a.remove(w)
	if len(a.buckets) != 0 || len(a.numbers) > stale+2 {
		t.Errorf("%d buckets and %d numbers are left", len(a.buckets), len(a.numbers))
	}
}

package registry_test

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"trackerfleet/registry"
)

type pid struct{ n int }

func TestRegisterOneWinner(t *testing.T) {
	reg := registry.New[string, *pid]()
	const racers, rounds = 8, 500
	for round := range rounds {
		var winners atomic.Int32
		var winner atomic.Pointer[pid]
		losers := make(chan *pid, racers)
		var wg sync.WaitGroup
		for g := range racers {
			wg.Go(func() {
				own := &pid{g}
				existing, ok := reg.Register("txn_1", own)
				if ok {
					winners.Add(1)
					winner.Store(own)
					return
				}
				losers <- existing
			})
		}
		wg.Wait()
		close(losers)
		if winners.Load() != 1 || reg.Len() != 1 {
			t.Fatalf("round %d: %d winners, %d entries", round, winners.Load(), reg.Len())
		}
		for got := range losers {
			if got != winner.Load() {
				t.Fatalf("round %d: a loser was given %v, not the winner", round, got)
			}
		}
		if !reg.Unregister("txn_1", winner.Load()) {
			t.Fatal("the winner could not unregister")
		}
	}
}

func TestLateCleanupCannotRemoveSuccessor(t *testing.T) {
	reg := registry.New[string, *pid]()
	first, second := &pid{1}, &pid{2}
	reg.Register("txn_1", first)
	reg.Unregister("txn_1", first)
	reg.Register("txn_1", second)
	if reg.Unregister("txn_1", first) {
		t.Error("the first owner removed its successor")
	}
	if got, ok := reg.Lookup("txn_1"); !ok || got != second {
		t.Errorf("Lookup = %v, %v, want the successor", got, ok)
	}
	if reg.Unregister("txn_2", first) {
		t.Error("unregistered what was never there")
	}
}

func TestReplaceOverwritesOnlyIfItMatches(t *testing.T) {
	reg := registry.NewTable[string, *pid, int]()
	first, second, other := &pid{1}, &pid{2}, &pid{3}
	if reg.Replace("txn_1", first, second) {
		t.Error("replaced an absent entry")
	}
	reg.RegisterValue("txn_1", first, 7)
	if reg.Replace("txn_1", other, second) {
		t.Error("replaced another's entry")
	}
	if !reg.Replace("txn_1", first, second) {
		t.Error("did not replace a matching entry")
	}
	if owner, value, ok := reg.Value("txn_1"); owner != second || value != 7 || !ok {
		t.Errorf("Value = %v, %v, %v", owner, value, ok)
	}
}

func TestUpdateIsTheOwnersAlone(t *testing.T) {
	reg := registry.NewTable[string, *pid, int]()
	own, other := &pid{1}, &pid{2}
	reg.Register("txn_1", own)
	never := func(int) int { t.Error("the function of another was run"); return 0 }
	for _, c := range []struct {
		key   string
		owner *pid
	}{{"txn_1", other}, {"txn_1", nil}, {"txn_2", own}} {
		if _, err := reg.Update(c.key, c.owner, never); !errors.Is(err, registry.ErrNotOwner) {
			t.Errorf("Update(%q, %v) = %v, want ErrNotOwner", c.key, c.owner, err)
		}
	}
	if got, err := reg.Update("txn_1", own, func(v int) int { return v + 5 }); got != 5 || err != nil {
		t.Errorf("Update by the owner = %v, %v", got, err)
	}
}

func TestUpdatePanicChangesNothing(t *testing.T) {
	reg := registry.NewTable[string, *pid, int]()
	own := &pid{1}
	reg.RegisterValue("txn_1", own, 3)
	func() {
		defer func() { _ = recover() }()
		_, _ = reg.Update("txn_1", own, func(int) int { panic("boom") })
	}()
	if got, err := reg.Update("txn_1", own, func(v int) int { return v }); got != 3 || err != nil {
		t.Errorf("after a panic: %v, %v, want 3 and no lock held", got, err)
	}
}

func TestConcurrentUpdatesLoseNothing(t *testing.T) {
	reg := registry.NewTable[string, *pid, int]()
	own := &pid{1}
	reg.Register("txn_1", own)
	shares(4000, 4, func(_, n int) {
		for range n {
			if _, err := reg.Update("txn_1", own, func(v int) int { return v + 1 }); err != nil {
				t.Error(err)
			}
		}
	})
	if _, got, _ := reg.Value("txn_1"); got != 4000 {
		t.Errorf("value %d after 4000 increments", got)
	}
}

func TestKeysAreLiterals(t *testing.T) {
	reg := registry.New[string, *pid]()
	keys := []string{
		"1", "1.0", "0xAB", "0xab", "", " ", "*", ">", "$", "/", "a.b", "a.*", "a.>", "$JS.API", "_", ":", "é", "e\u0301", "\x00",
		strings.Repeat("x", 1<<16),
	}
	for i, k := range keys {
		if _, ok := reg.Register(k, &pid{i}); !ok {
			t.Errorf("%q is taken", k)
		}
	}
	for i, k := range keys {
		if got, ok := reg.Lookup(k); !ok || got.n != i {
			t.Errorf("Lookup(%q) = %v, %v, want %d", k, got, ok, i)
		}
	}
	if got := reg.Len(); got != len(keys) {
		t.Errorf("Len = %d, want %d", got, len(keys))
	}
}

func TestSelectAndCountEqualBruteForce(t *testing.T) {
	reg := registry.NewTable[int, *pid, string]()
	var want []int
	keep := func(k int, p *pid, v string) bool { return k%3 == 0 && p.n == k && v == "v" }
	for k := range 5000 {
		value := "v"
		if k%2 == 0 {
			value = "w"
		}
		reg.RegisterValue(k, &pid{k}, value)
		if k%3 == 0 && k%2 == 1 {
			want = append(want, k)
		}
	}
	var got []int
	for k := range reg.Select(keep) {
		got = append(got, k)
	}
	slices.Sort(got)
	if !slices.Equal(got, want) || reg.Count(keep) != len(want) {
		t.Errorf("selected %d, counted %d, want %d", len(got), reg.Count(keep), len(want))
	}
	if reg.Count(nil) != 5000 || reg.Count(func(int, *pid, string) bool { return false }) != 0 {
		t.Error("Count of everything or nothing is wrong")
	}
	n := 0
	for range reg.Select(nil) {
		if n++; n == 10 {
			break
		}
	}
	if n != 10 {
		t.Errorf("stopped after %d", n)
	}
}

// TestAllWhileChanging: what stays is seen exactly once, whatever comes and goes around it.
func TestAllWhileChanging(t *testing.T) {
	reg := registry.New[int, *pid]()
	const stay = 2000
	for k := range stay {
		reg.Register(k, &pid{k})
	}
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		own := &pid{-1}
		for {
			for k := stay; k < 4*stay; k++ {
				reg.Register(k, own)
			}
			for k := stay; k < 4*stay; k++ {
				reg.Unregister(k, own)
			}
			select {
			case <-stop:
				return
			default:
			}
		}
	})
	for range 20 {
		seen := make(map[int]int)
		for k := range reg.All() {
			seen[k]++
			reg.Lookup(k)
		}
		for k, n := range seen {
			if n != 1 {
				t.Fatalf("key %d seen %d times", k, n)
			}
		}
		for k := range stay {
			if seen[k] != 1 {
				t.Fatalf("key %d, there all the time, seen %d times", k, seen[k])
			}
		}
	}
	close(stop)
	wg.Wait()
	if reg.Len() != stay {
		t.Errorf("Len = %d, want %d", reg.Len(), stay)
	}
}

func TestLookupAllocatesNothing(t *testing.T) {
	reg := registry.New[string, *pid]()
	reg.Register("txn_1", &pid{1})
	if n := testing.AllocsPerRun(100, func() { reg.Lookup("txn_1"); reg.Lookup("txn_2") }); n != 0 {
		t.Errorf("%v allocations per lookup", n)
	}
}

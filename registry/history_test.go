package registry_test

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"pgregory.net/rapid"

	"trackerfleet/registry"
)

type verb uint8

const (
	register verb = iota
	unregister
	lookup
	replace
	verbs
)

type input struct {
	verb verb
	key  int
	own  int // 1 and up; 0 is nobody
	next int
}

type output struct {
	owner int
	ok    bool
}

// step is the sequential registry of one key, whose state is its owner.
func step(owner int, in input) (output, int) {
	switch in.verb {
	case register:
		if owner != 0 {
			return output{owner, false}, owner
		}
		return output{0, true}, in.own
	case unregister:
		if owner == in.own {
			return output{0, true}, 0
		}
	case lookup:
		return output{owner, owner != 0}, owner
	case replace:
		if owner == in.own {
			return output{0, true}, in.next
		}
	}
	return output{}, owner
}

// model is linearizable per key.
var model = porcupine.Model{
	Partition: func(history []porcupine.Operation) [][]porcupine.Operation {
		byKey := make(map[int][]porcupine.Operation)
		for _, op := range history {
			k := op.Input.(input).key
			byKey[k] = append(byKey[k], op)
		}
		var parts [][]porcupine.Operation
		for _, ops := range byKey {
			parts = append(parts, ops)
		}
		return parts
	},
	Init: func() any { return 0 },
	Step: func(state, in, out any) (bool, any) {
		want, next := step(state.(int), in.(input))
		return out.(output) == want, next
	},
	DescribeOperation: func(in, out any) string { return fmt.Sprintf("%+v -> %+v", in, out) },
}

// do runs in against reg, whose owners are pids[1:].
func do(reg *registry.Registry[int, *pid], pids []*pid, in input) output {
	number := func(p *pid) int {
		if p == nil {
			return 0
		}
		return p.n
	}
	switch in.verb {
	case register:
		existing, ok := reg.Register(in.key, pids[in.own])
		return output{number(existing), ok}
	case unregister:
		return output{0, reg.Unregister(in.key, pids[in.own])}
	case lookup:
		owner, ok := reg.Lookup(in.key)
		return output{number(owner), ok}
	default:
		return output{0, reg.Replace(in.key, pids[in.own], pids[in.next])}
	}
}

func newPids(n int) []*pid {
	pids := make([]*pid, n+1)
	for i := range pids {
		pids[i] = &pid{i}
	}
	return pids
}

func TestHistoriesAreLinearizable(t *testing.T) {
	for seed := range uint64(20) {
		reg := registry.New[int, *pid]()
		pids := newPids(rivals)
		checkHistory(t, seed, verbs, func(in input) output { return do(reg, pids, in) }, func(r *rand.Rand) { churn(reg, r, pids[0], contested) })
	}
}

const (
	contested = 6 // keys of a history
	rivals    = 3 // owners of a history
)

// checkHistory has several clients do some of the first verbs, with stir between them, and judges what they saw.
func checkHistory(t *testing.T, seed uint64, verbs verb, do func(input) output, stir func(*rand.Rand)) {
	t.Helper()
	const clients, operations = 4, 150
	histories := make([][]porcupine.Operation, clients)
	began := time.Now()
	var wg sync.WaitGroup
	for c := range clients {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(seed, uint64(c)))
			for range operations {
				in := input{verb(r.IntN(int(verbs))), r.IntN(contested), 1 + r.IntN(rivals), 1 + r.IntN(rivals)}
				call := time.Since(began)
				out := do(in)
				histories[c] = append(histories[c], porcupine.Operation{
					ClientId: c, Input: in, Call: int64(call), Output: out, Return: int64(time.Since(began)),
				})
				stir(r)
			}
		})
	}
	wg.Wait()
	var all []porcupine.Operation
	for _, h := range histories {
		all = append(all, h...)
	}
	if got := porcupine.CheckOperationsTimeout(model, all, 20*time.Second); got != porcupine.Ok {
		t.Fatalf("seed %d: history is %v", seed, got)
	}
}

// churn makes the shards grow and shrink under the history's feet.
func churn(reg *registry.Registry[int, *pid], r *rand.Rand, own *pid, above int) {
	for range 20 {
		k := above + r.IntN(5000)
		if _, ok := reg.Register(k, own); !ok {
			reg.Unregister(k, own)
		}
	}
}

// TestCheckerSeesAViolation shows that the history test can fail.
func TestCheckerSeesAViolation(t *testing.T) {
	lost := []porcupine.Operation{
		{ClientId: 0, Input: input{verb: register, own: 1}, Call: 0, Output: output{0, true}, Return: 1},
		{ClientId: 1, Input: input{verb: register, own: 2}, Call: 2, Output: output{0, true}, Return: 3},
	}
	if porcupine.CheckOperations(model, lost) {
		t.Error("two winners pass for linearizable")
	}
}

func TestBehavesAsAMap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		reg := registry.New[int, *pid]()
		pids := newPids(3)
		owners := make(map[int]int)
		// Few keys meet often, many keys make tables grow and shrink.
		keys := rapid.SampledFrom([]int{4, 40, 20_000}).Draw(t, "keys")
		for range rapid.IntRange(1, 400).Draw(t, "operations") {
			in := input{
				verb: verb(rapid.IntRange(0, int(verbs)-1).Draw(t, "verb")),
				key:  rapid.IntRange(0, keys-1).Draw(t, "key"),
				own:  rapid.IntRange(1, 3).Draw(t, "own"),
				next: rapid.IntRange(1, 3).Draw(t, "next"),
			}
			want, next := step(owners[in.key], in)
			if got := do(reg, pids, in); got != want {
				t.Fatalf("%+v = %+v, want %+v", in, got, want)
			}
			if owners[in.key] = next; next == 0 {
				delete(owners, in.key)
			}
		}
		if reg.Len() != len(owners) {
			t.Fatalf("Len = %d, want %d", reg.Len(), len(owners))
		}
		for k, p := range reg.All() {
			if owners[k] != p.n {
				t.Fatalf("All yields %d owned by %d, want %d", k, p.n, owners[k])
			}
		}
	})
}

func TestGrowsAndShrinks(t *testing.T) {
	reg := registry.New[int, *pid]()
	own := &pid{1}
	const n = 100_000
	empty := heap()
	for k := range n {
		reg.Register(k, own)
	}
	full := heap()
	for k := range n {
		if _, ok := reg.Lookup(k); !ok {
			t.Fatalf("key %d lost while growing", k)
		}
	}
	for k := range n {
		if !reg.Unregister(k, own) {
			t.Fatalf("key %d lost while shrinking", k)
		}
	}
	if left := heap(); left > empty+(full-empty)/10 {
		t.Errorf("%d bytes stay of %d after the last entry has gone", left-empty, full-empty)
	}
	if _, ok := reg.Lookup(1); ok || reg.Len() != 0 {
		t.Error("something is left")
	}
}

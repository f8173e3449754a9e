package registry_test

import (
	"maps"
	"math/rand/v2"
	"strings"
	"testing"

	"trackerfleet/registry"
)

// person is an owner that knows its key.
type person struct{ key, n int }

func (p *person) name() int { return p.key }

// crowd has rivals for each of some keys, in a registry.
type crowd struct {
	reg    *registry.Owners[int, person]
	rivals map[int][]*person // of a key; 0 is nobody
}

func newCrowd(keys int) crowd {
	c := crowd{reg: registry.NewOwners((*person).name), rivals: make(map[int][]*person)}
	for key := range keys {
		for n := range rivals + 1 {
			c.rivals[key] = append(c.rivals[key], &person{key, n})
		}
	}
	return c
}

func (c crowd) do(in input) output {
	number := func(p *person) int {
		if p == nil {
			return 0
		}
		return p.n
	}
	own := c.rivals[in.key][in.own]
	switch in.verb {
	case register:
		existing, ok := c.reg.Register(in.key, own)
		return output{number(existing), ok}
	case unregister:
		return output{0, c.reg.Unregister(in.key, own)}
	default:
		owner, ok := c.reg.Lookup(in.key)
		return output{number(owner), ok}
	}
}

func TestHistoriesOfOwnersAreLinearizable(t *testing.T) {
	for seed := range uint64(20) {
		c := newCrowd(5_000)
		stir := func(r *rand.Rand) {
			for range 20 {
				k := contested + r.IntN(5_000-contested)
				if _, ok := c.reg.Register(k, c.rivals[k][1]); !ok {
					c.reg.Unregister(k, c.rivals[k][1])
				}
			}
		}
		checkHistory(t, seed, replace, c.do, stir)
	}
}

func TestOwnersAreYieldedUnderTheirOwnKeys(t *testing.T) {
	c := newCrowd(1_000)
	want := make(map[int]*person)
	for key, rivals := range c.rivals {
		if key%3 == 0 {
			continue
		}
		want[key] = rivals[2]
		c.reg.Register(key, rivals[2])
	}
	if got := maps.Collect(c.reg.All()); !maps.Equal(got, want) || c.reg.Len() != len(want) {
		t.Errorf("All yields %d, Len is %d, want %d", len(got), c.reg.Len(), len(want))
	}
	for range c.reg.All() {
		break // must not yield on
	}
}

func TestListenersHearOfOwners(t *testing.T) {
	c := newCrowd(2)
	l := c.reg.Listen(10)
	defer l.Close()
	first, second := c.rivals[1][1], c.rivals[1][2]
	c.reg.Register(1, first)
	c.reg.Register(1, second)   // taken
	c.reg.Unregister(1, second) // not its own
	c.reg.Unregister(1, first)
	c.reg.Register(1, second)
	events, err := l.Next(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	want := []registry.Event[int, *person]{
		{1, registry.Registered, 1, first}, {2, registry.Unregistered, 1, first}, {3, registry.Registered, 1, second},
	}
	if len(events) != len(want) {
		t.Fatalf("heard %v, want %v", events, want)
	}
	for i, e := range events {
		if e != want[i] {
			t.Errorf("heard %v, want %v", e, want[i])
		}
	}
}

func TestOwnerUnderAnotherKeyPanics(t *testing.T) {
	c := newCrowd(2)
	defer func() {
		if text, _ := recover().(string); !strings.Contains(text, "registry: register under 1 who is 0") {
			t.Errorf("panicked with %q", text)
		}
		if c.reg.Len() != 0 {
			t.Error("it is registered")
		}
	}()
	c.reg.Register(1, c.rivals[0][1])
}

func TestLookupOfOwnerAllocatesNothing(t *testing.T) {
	c := newCrowd(1)
	c.reg.Register(0, c.rivals[0][1])
	if n := testing.AllocsPerRun(100, func() { c.reg.Lookup(0); c.reg.Lookup(1) }); n != 0 {
		t.Errorf("%v allocations per lookup", n)
	}
}

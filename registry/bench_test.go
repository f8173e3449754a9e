package registry_test

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"

	"trackerfleet/registry"
)

const million = 1_000_000

func keys(n int) []string {
	ks := make([]string, n)
	for i := range ks {
		ks[i] = fmt.Sprintf("txn_01dp371w0fnjhf9z2t%08d", i*7919%n)
	}
	return ks
}

type owner struct{ key string }

func (o *owner) name() string { return o.key }

// ownersOf returns an owner for each key.
func ownersOf(keys []string) []owner {
	owners := make([]owner, len(keys))
	for i, k := range keys {
		owners[i].key = k
	}
	return owners
}

// names is what a worker has: owners that know their keys.
func names() *registry.Owners[string, owner] { return registry.NewOwners((*owner).name) }

// shares calls each, which does n operations from the index from, on so many goroutines, until n are done together.
func shares(n, goroutines int, each func(from, n int)) {
	var wg sync.WaitGroup
	for g := range goroutines {
		wg.Go(func() { each(g*n/goroutines, n/goroutines) })
	}
	wg.Wait()
}

// BenchmarkLookup asks in the order of registration, which the processor's caches like, and in any order.
func BenchmarkLookup(b *testing.B) {
	for _, entries := range []int{10_000, million} {
		ks := keys(million)[:entries]
		reg := names()
		for _, k := range ks {
			reg.Register(k, &owner{k})
		}
		for _, order := range []string{"", "/shuffled"} {
			if order != "" {
				rand.Shuffle(entries, func(i, j int) { ks[i], ks[j] = ks[j], ks[i] })
			}
			for _, goroutines := range []int{1, 2} {
				b.Run(fmt.Sprintf("entries=%d/goroutines=%d%s", entries, goroutines, order), func(b *testing.B) {
					lookups(b, reg, ks, goroutines)
				})
			}
		}
	}
}

func lookups(b *testing.B, reg *registry.Owners[string, owner], ks []string, goroutines int) {
	total := 0
	for b.Loop() {
		shares(million, goroutines, func(from, n int) {
			for i := range n {
				if _, ok := reg.Lookup(ks[(from+i)%len(ks)]); !ok {
					b.Error("not found")
				}
			}
		})
		total += million
	}
	b.ReportMetric(float64(total)/b.Elapsed().Seconds(), "lookups/s")
}

// BenchmarkLookupMap is the yardstick for BenchmarkLookup: a plain map with a RWMutex.
func BenchmarkLookupMap(b *testing.B) {
	ks := keys(million)
	for _, entries := range []int{10_000, million} {
		m := make(map[string]*owner)
		for _, k := range ks[:entries] {
			m[k] = &owner{k}
		}
		for _, goroutines := range []int{1, 2} {
			b.Run(fmt.Sprintf("entries=%d/goroutines=%d", entries, goroutines), func(b *testing.B) {
				var mu sync.RWMutex
				total := 0
				for b.Loop() {
					shares(million, goroutines, func(from, n int) {
						for i := range n {
							mu.RLock()
							if m[ks[(from+i)%entries]] == nil {
								b.Error("not found")
							}
							mu.RUnlock()
						}
					})
					total += million
				}
				b.ReportMetric(float64(total)/b.Elapsed().Seconds(), "lookups/s")
			})
		}
	}
}

func BenchmarkRegister(b *testing.B) {
	ks := keys(million)
	owners := ownersOf(ks)
	for _, goroutines := range []int{1, 2} {
		b.Run(fmt.Sprintf("goroutines=%d", goroutines), func(b *testing.B) {
			total := 0
			for b.Loop() {
				reg := names()
				shares(million, goroutines, func(from, n int) {
					for i := range n {
						reg.Register(ks[from+i], &owners[from+i])
					}
				})
				total += million
			}
			b.ReportMetric(float64(total)/b.Elapsed().Seconds(), "registrations/s")
		})
	}
}

func BenchmarkMemory(b *testing.B) {
	ks := keys(million)
	owners := ownersOf(ks)
	for b.Loop() {
		before := heap()
		reg := names()
		for i, k := range ks {
			reg.Register(k, &owners[i])
		}
		b.ReportMetric(float64(heap()-before)/million, "B/entry")
		runtime.KeepAlive(reg)
	}
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

package peers

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

func ids(n int) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprintf("txn_01dp371w0fnjhf9z2t%08d", i)
	}
	return all
}

// BenchmarkStart: children that are registered, supervised and have begun.
func BenchmarkStart(b *testing.B) {
	const n = 100_000
	all := ids(n)
	for _, peer := range fleets {
		b.Run(peer.name, func(b *testing.B) {
			total := 0
			for b.Loop() {
				f := peer.make()
				f.start(b, all)
				total += n
				b.StopTimer()
				f.stop(b)
				runtime.GC()
				b.StartTimer()
			}
			b.ReportMetric(float64(total)/b.Elapsed().Seconds(), "starts/s")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// BenchmarkIdle: bytes per child that waits, names, mailboxes and supervision included.
func BenchmarkIdle(b *testing.B) {
	for _, peer := range fleets {
		b.Run(peer.name, func(b *testing.B) {
			for b.Loop() {
				m := measureElsewhere(b, peer.name)
				b.ReportMetric(m.InUse, "B/child")
				b.ReportMetric(m.Resident, "RSS-B/child")
				b.ReportMetric(0, "ns/op")
			}
		})
	}
}

// BenchmarkCall: a request and its answer, the child idle before, the name looked up before.
func BenchmarkCall(b *testing.B) {
	all := ids(1000)
	for _, peer := range fleets {
		b.Run(peer.name, func(b *testing.B) {
			f := peer.make()
			defer f.stop(b)
			f.start(b, all)
			var children []child
			for _, id := range all {
				children = append(children, f.child(b, id))
			}
			n := 0
			for b.Loop() {
				if got := children[n%len(children)].call(b, n); got != n {
					b.Fatalf("answered %d to %d", got, n)
				}
				n++
			}
			b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "calls/s")
		})
	}
}

// BenchmarkCrash: from a panic until the child serves again, without backoff.
func BenchmarkCrash(b *testing.B) {
	for _, peer := range fleets {
		b.Run(peer.name, func(b *testing.B) {
			f := peer.make()
			defer f.stop(b)
			f.start(b, ids(1000))
			c := f.child(b, ids(1)[0])
			away := make(chan time.Duration, 1)
			var took []time.Duration
			for b.Loop() {
				c.crash(b, away)
				took = append(took, <-away)
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)/2].Nanoseconds())/1e3, "p50-us")
			b.ReportMetric(float64(took[len(took)*99/100].Nanoseconds())/1e3, "p99-us")
		})
	}
}

// BenchmarkLookup: keys that come from elsewhere, so not the strings that were registered, and in another order.
func BenchmarkLookup(b *testing.B) {
	const lookups = 1_000_000
	for _, entries := range []int{10_000, 1_000_000} {
		all := ids(entries)
		asked := make([]string, entries)
		for i, at := range rand.New(rand.NewPCG(1, 2)).Perm(entries) {
			asked[i] = strings.Clone(all[at])
		}
		for _, peer := range registries {
			names := peer.make()
			for _, id := range all {
				names.register(id, make(mailbox))
			}
			for _, goroutines := range []int{1, 2} {
				b.Run(fmt.Sprintf("entries=%d/goroutines=%d/%s", entries, goroutines, peer.name), func(b *testing.B) {
					total := 0
					for b.Loop() {
						var wg sync.WaitGroup
						for g := range goroutines {
							wg.Go(func() { lookUp(b, names, asked, g*lookups/goroutines, lookups/goroutines) })
						}
						wg.Wait()
						total += lookups
					}
					b.ReportMetric(float64(total)/b.Elapsed().Seconds()/1e6, "M-lookups/s")
					b.ReportMetric(0, "ns/op")
				})
			}
		}
	}
}

func lookUp(b *testing.B, names names, asked []string, from, n int) {
	at := from % len(asked)
	for range n {
		if _, ok := names.lookup(asked[at]); !ok {
			b.Error("not found")
		}
		if at++; at == len(asked) {
			at = 0
		}
	}
}

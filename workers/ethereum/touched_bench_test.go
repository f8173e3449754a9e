package ethereum

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"trackerfleet/workers/source"
)

// crowds are how many watches there are when a few of them are touched: what that costs is the same among few and many.
var crowds = []int{10_000, 1_000_000}

// touches are how many of them.
var touches = []int{10, 100, 1000}

// BenchmarkTouched applies blocks of k transactions, all of them watched, and takes them back outside of what is timed.
func BenchmarkTouched(b *testing.B) {
	for _, n := range crowds {
		s, err := bookOf(n, bare)
		if err != nil {
			b.Fatal(err)
		}
		runtime.GC() // not while it is measured
		now, number, next := time.Unix(1_700_000_000, 0), uint64(0), uint64(0)
		for _, k := range touches {
			b.Run(fmt.Sprintf("watched=%d/touched=%d", n, k), func(b *testing.B) {
				for b.Loop() {
					b.StopTimer()
					number++
					blk := &block{number: number, hash: numbered(1<<50 + number), parent: numbered(1<<50 + number - 1)}
					receipts := make(map[Hash]*receipt, k)
					for range k {
						next = (next + 7919) % uint64(n) // far from the one before, as hashes are
						tx := numbered(next)
						blk.txs = append(blk.txs, tx)
						receipts[tx] = &receipt{tx: tx, block: blk.hash, number: number, success: true, gasUsed: "21000", feePaid: "1"}
					}
					br := branch{ancestor: number - 1, blocks: []*block{blk}}
					b.StartTimer()
					s.book.matches(br)
					s.book.apply(br, receipts, now)
					b.StopTimer()
					if got := s.book.seated[number]; got == nil || got.n != k {
						b.Fatalf("in the block are %+v, want %d", got, k)
					}
					instead := &block{number: number, hash: numbered(1<<51 + number), parent: blk.parent}
					s.book.apply(branch{ancestor: number - 1, blocks: []*block{instead}}, nil, now)
					b.StartTimer()
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(k), "ns/touched")
			})
		}
	}
}

// BenchmarkDue advances the head by one block that makes m of the watches due.
func BenchmarkDue(b *testing.B) {
	for _, n := range crowds {
		for _, m := range touches {
			b.Run(fmt.Sprintf("watched=%d/due=%d", n, m), func(b *testing.B) {
				s, err := bookOf(n, bare)
				if err != nil {
					b.Fatal(err)
				}
				book, now, number := s.book, time.Unix(1_700_000_000, 0), uint64(1)
				first := book.window.push(&block{number: 1, hash: numbered(1)})
				waiting := book.urgent.all()
				for i, w := range waiting {
					w.place, w.told = first, first
					book.setWake(w, source.Wake{Height: uint64(2 + i/m)})
				}
				runtime.GC() // not while it is measured
				for b.Loop() {
					number++
					book.window.push(&block{number: number, hash: numbered(number)})
					book.fireAll(now)
					b.StopTimer()
					for i := range m {
						w := waiting[(int(number-2)*m+i)%n]
						if w.wake != 0 {
							b.Fatal("one that was due is not fired")
						}
						book.setWake(w, source.Wake{Height: number + uint64(n/m)})
					}
					b.StartTimer()
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(m), "ns/due")
			})
		}
	}
}

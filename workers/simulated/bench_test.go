package simulated

import (
	"context"
	"encoding/json"
	"runtime"
	"strconv"
	"testing"
	"time"

	"trackerfleet/workers/source"
)

// counted is an observer that only counts. A benchmark calls it from one goroutine.
type counted struct{ n int }

func (c *counted) Observe(source.Observation) { c.n++ }

// crowd is a source with many watches that is moved by hand.
type crowd struct {
	*Source
	counted
	now time.Time
}

// newCrowd returns a source that watches n transactions with the params and has looked at all of them.
func newCrowd(b *testing.B, n int, params string) *crowd {
	c := &crowd{now: time.Unix(1_000_000, 0)}
	c.Source = mustNew(b, Config{Seed: 1, ReorgShare: 0.05})
	before := heap()
	for i := range n {
		target, err := c.Parse("txn_"+strconv.Itoa(i), json.RawMessage(params))
		if err != nil {
			b.Fatal(err)
		}
		c.Watch(target, source.Hint{}, &c.counted)
	}
	c.block()
	b.ReportMetric(float64(heap()-before)/float64(n), "bytes/watch")
	return c
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// block lets one block pass.
func (c *crowd) block() {
	c.now = c.now.Add(time.Second)
	c.follow(context.Background(), c.now)
}

// BenchmarkBlock is one block for a million watches: with nothing due, and with a thousandth of them included in it.
func BenchmarkBlock(b *testing.B) {
	const watches = 1_000_000
	b.Run("nothing due", func(b *testing.B) {
		c := newCrowd(b, watches, "")
		for range 20 {
			c.block() // until all of them are in blocks that stay
		}
		c.n = 0
		for b.Loop() {
			c.block()
		}
		if c.n > 0 {
			b.Errorf("%d observations of nothing", c.n)
		}
	})
	b.Run("a thousandth included", func(b *testing.B) {
		c := newCrowd(b, watches, `{"after":1000}`)
		c.n = 0
		blocks := 0
		for b.Loop() {
			if blocks < 900 { // beyond, there is nobody left to include
				c.block()
				blocks++
			}
		}
		b.ReportMetric(float64(c.n)/float64(blocks), "touched/block")
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(max(1, c.n)), "ns/touched")
	})
}

// BenchmarkWatch is a watch that begins, is looked at and ends, beside a million others.
func BenchmarkWatch(b *testing.B) {
	c := newCrowd(b, 1_000_000, `{"after":1000000}`)
	target, err := c.Parse("txn_one", nil)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		h := c.Watch(target, source.Hint{}, &c.counted)
		c.follow(context.Background(), c.now)
		h.Close()
	}
}

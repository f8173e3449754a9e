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
	now     time.Time
	handles []source.Handle
	bytes   float64 // a watch
}

// newCrowd returns a source that watches n transactions with the params and has looked at all of them.
func newCrowd(b *testing.B, n int, params string) *crowd {
	c := &crowd{now: time.Unix(1_000_000, 0)}
	c.Source = mustNew(b, Config{Seed: 1, ReorgShare: 0.05})
	before := heapBytes()
	for i := range n {
		target, err := c.Parse("txn_"+strconv.Itoa(i), json.RawMessage(params))
		if err != nil {
			b.Fatal(err)
		}
		h := c.Watch(target, source.Hint{}, &c.counted)
		if i < 1000 {
			c.handles = append(c.handles, h)
		}
	}
	c.block()
	c.bytes = float64(heapBytes()-before) / float64(n)
	return c
}

func heapBytes() uint64 {
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

// BenchmarkBlock is one block for a million watches: with nothing due, and with a thousand to look at and tell of.
func BenchmarkBlock(b *testing.B) {
	c := newCrowd(b, 1_000_000, "")
	for range 20 {
		c.block() // until all of them are in blocks that stay
	}
	for _, touched := range []int{0, 1000} {
		b.Run(strconv.Itoa(touched)+" touched", func(b *testing.B) {
			c.n = 0
			for b.Loop() {
				for _, h := range c.handles[:touched] {
					h.Refresh()
				}
				c.block()
			}
			if c.n != touched*b.N {
				b.Errorf("%d observations of %d", c.n, touched*b.N)
			}
			b.ReportMetric(c.bytes, "bytes/watch")
			if touched > 0 {
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(c.n), "ns/touched")
			}
		})
	}
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

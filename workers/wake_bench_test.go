package workers

import (
	"encoding/json"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/zap"

	"trackerfleet/bus"
	"trackerfleet/workers/source"
	"trackerfleet/workers/tracker"
)

// crowd is a worker of n idle trackers.
type crowd struct {
	*Worker
	cells []*cell
	waits atomic.Int64 // wakes to come until all who were touched have decided
	done  chan struct{}
}

func newCrowd(b *testing.B, n int) *crowd {
	b.Helper()
	c := &crowd{done: make(chan struct{}, 1)}
	c.Worker = newSite(b).worker("w-1", func(cfg *Config) {
		cfg.Logger, cfg.MaxTrackers = zap.NewNop(), 2*n
		cfg.Sources = map[string]source.Source{"heard": heard{crowd: c}}
	})
	for i := range n {
		id, err := bus.ParseID(fmt.Sprintf("txn_%012d", i))
		if err != nil {
			b.Fatal(err)
		}
		r := tracker.Start(time.Now(), bus.StartRequest{TransactionID: id, Source: "heard"}, bus.Trace{}).Next
		part := c.partitions[id.Partition()]
		one, err := c.revive(b.Context(), part, part.tenure(), r, uint64(i+1))
		if err != nil {
			b.Fatal(err)
		}
		c.cells = append(c.cells, one)
	}
	return c
}

// touch has the source tell k trackers something, from the one numbered from on, and waits until each has decided on it.
func (c *crowd) touch(from, k int) {
	c.waits.Store(int64(k))
	for i := range k {
		c.cells[(from+i*7919)%len(c.cells)].Observe(source.Observation{Kind: source.Advanced, Head: 1})
	}
	<-c.done
}

// heard is a source that is heard: it is asked for the next wake once a tracker has decided.
type heard struct {
	still
	crowd *crowd
}

func (h heard) Parse(string, json.RawMessage) (source.Target, error) {
	return source.Target{Policy: &stillPolicy}, nil
}

func (h heard) Watch(source.Target, source.Hint, source.Observer) source.Handle { return h }

func (h heard) Wake(source.Wake) {
	if h.crowd.waits.Add(-1) == 0 {
		h.crowd.done <- struct{}{}
	}
}

// BenchmarkWake wakes k of the trackers of a worker, each of which decides and is idle again: that costs the same among few and many.
func BenchmarkWake(b *testing.B) {
	for _, n := range []int{10_000, 200_000} {
		c := newCrowd(b, n)
		from := 0
		for _, k := range []int{10, 100, 1000} {
			b.Run(fmt.Sprintf("trackers=%d/touched=%d", n, k), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					c.touch(from, k)
					from += k * 7919
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(k), "ns/touched")
			})
		}
	}
}

// BenchmarkEndTrackers looks for the trackers of eight partitions that are given up, which costs the same for each of them among few
// and many.
func BenchmarkEndTrackers(b *testing.B) {
	for _, n := range []int{10_000, 200_000} {
		c := newCrowd(b, n)
		b.Run(fmt.Sprintf("trackers=%d", n), func(b *testing.B) {
			found := 0
			for b.Loop() {
				for _, p := range c.partitions[:8] {
					found += len(p.crew.part())
					p.crew.forgetParting()
				}
			}
			if found == 0 {
				b.Fatal("the partitions have no trackers")
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(found), "ns/found")
		})
	}
}

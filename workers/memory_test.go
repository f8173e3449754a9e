package workers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"testing"
	"time"

	"go.uber.org/zap"

	"trackerfleet/bus"
	"trackerfleet/workers/ethereum"
	"trackerfleet/workers/source"
	"trackerfleet/workers/tracker"
)

// BenchmarkIdleBytes says where the heap of idle trackers goes: into their records, into what runs them (cell, child, registry),
// and into the source that follows them; and what they have of the system's memory, with all that the heap needs around them.
func BenchmarkIdleBytes(b *testing.B) {
	for _, n := range []int{100_000} {
		b.Run(fmt.Sprintf("trackers=%d", n), func(b *testing.B) {
			for b.Loop() {
				bare := idleBytes(b, n, "still", func(int) string { return "" })
				b.ReportMetric(bare.records, "record-B")
				b.ReportMetric(bare.trackers, "tracker-B")
				b.ReportMetric(bare.records+bare.trackers, "bare-B")
				ether := idleBytes(b, n, "eth", func(i int) string { return fmt.Sprintf(`{"hash":"0x%064x"}`, i) })
				b.ReportMetric(ether.trackers-bare.trackers, "source-B")
				b.ReportMetric(ether.records+ether.trackers, "ethereum-B")
				b.ReportMetric(bare.resident, "bare-resident-B")
				b.ReportMetric(ether.resident, "ethereum-resident-B")
			}
			b.ReportMetric(0, "ns/op")
		})
	}
}

// idleHeap is what one idle tracker has of the heap, and of the memory of the process.
type idleHeap struct{ records, trackers, resident float64 }

// idleBytes runs n idle trackers of a source.
func idleBytes(b *testing.B, n int, name string, params func(i int) string) idleHeap {
	eth, err := ethereum.New(ethereum.Config{Transport: unreachable{}})
	if err != nil {
		b.Fatal(err)
	}
	w := newSite(b).worker("w-1", func(c *Config) {
		c.Logger = zap.NewNop()
		c.Sources = map[string]source.Source{"still": still{}, "eth": eth}
	})
	outside := resident()
	before := liveHeap()
	records := make([]*tracker.Record, n)
	for i := range records {
		id, err := bus.ParseID(fmt.Sprintf("txn_%012d", i))
		if err != nil {
			b.Fatal(err)
		}
		r := bus.StartRequest{TransactionID: id, Source: name, Params: json.RawMessage(params(i))}
		records[i] = tracker.Start(time.Now(), r, bus.Trace{}).Next
	}
	recorded := liveHeap()
	for i, r := range records {
		part := w.partitions[r.ID().Partition()]
		if _, err := w.revive(b.Context(), part, part.tenure(), r, uint64(i+1)); err != nil {
			b.Fatal(err)
		}
	}
	clear(records)
	started := liveHeap()
	all := resident() - outside - 8*int64(n)
	runtime.KeepAlive(w)
	runtime.KeepAlive(records)
	return idleHeap{float64(recorded-before)/float64(n) - 8, float64(started-recorded) / float64(n), float64(all) / float64(n)}
}

// resident returns the bytes that Go has of the system once it has given back what it can.
func resident() int64 {
	debug.FreeOSMemory()
	samples := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(samples)
	return int64(samples[0].Value.Uint64() - samples[1].Value.Uint64())
}

// liveHeap returns the bytes of what is reachable.
func liveHeap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC() // what the first one finalized
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// still is a source that keeps nothing of what it watches, and observes nothing.
type still struct{}

func (still) Parse(string, json.RawMessage) (source.Target, error) {
	return source.Target{Policy: &stillPolicy}, nil
}

var stillPolicy source.Policy

func (still) Run(ctx context.Context) error {
	<-ctx.Done()
	return context.Cause(ctx)
}

func (still) Watch(source.Target, source.Hint, source.Observer) source.Handle { return still{} }
func (still) Checkpoint() source.Checkpoint                                   { return source.Checkpoint{} }

func (still) Health() source.Health { return source.Health{} }
func (still) Wake(source.Wake)      {}
func (still) Refresh()              {}
func (still) Close()                {}
func (still) Checks() source.Checks { return source.Checks{} }

// unreachable is a network that is down.
type unreachable struct{}

func (unreachable) RoundTrip(*http.Request) (*http.Response, error) {
	return nil, errors.New("unreachable")
}

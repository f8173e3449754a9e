package workers

import (
	"fmt"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/zap"

	"trackerfleet/bus"
)

// BenchmarkStartsThroughTheOwner measures accepted starts per second, from the request to the durable record and the
// running tracker, with the store synced at every batch.
func BenchmarkStartsThroughTheOwner(b *testing.B) {
	s, w := benchSite(b)
	done := make(chan error, 1)
	var open atomic.Int64
	i := 0
	started := time.Now()
	for b.Loop() {
		id, err := bus.ParseID(fmt.Sprintf("t%d", i))
		if err != nil {
			b.Fatal(err)
		}
		i++
		open.Add(1)
		w.start(s.t.Context(), startRequest{
			StartRequest: bus.StartRequest{TransactionID: id, Params: []byte(`{"outcome":"pending"}`)}, accepted: w.clock.ago(time.Now(), 0),
			reply: func(_ bus.SpawnReply, err error) {
				if err != nil || open.Add(-1) == 0 {
					select {
					case done <- err:
					default:
					}
				}
			},
		})
	}
	for open.Load() > 0 {
		if err := <-done; err != nil {
			b.Fatal(err)
		}
	}
	elapsed := time.Since(started).Seconds()
	stats := w.Stats()
	b.ReportMetric(float64(i)/elapsed, "starts/s")
	b.ReportMetric(float64(stats.Journal.Messages)/float64(max(stats.Journal.Batches, 1)), "messages/batch")
}

// BenchmarkLookupThroughNATS measures lookups of running trackers through the server, 64 at a time.
func BenchmarkLookupThroughNATS(b *testing.B) {
	s, _ := benchSite(b)
	s.request("spawn", `{"transaction_id":"one",`+waits+`}`)
	b.SetParallelism(64 / runtime.GOMAXPROCS(0))
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := s.nc.Request("tracker.lookup", []byte("one"), 10*time.Second); err != nil {
				b.Error(err)
				return
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "lookups/s")
}

func benchSite(b *testing.B) (*site, *Worker) {
	b.Helper()
	s := newSite(b)
	w := s.worker("w-1", func(c *Config) { c.Logger = zap.NewNop() })
	return s, w
}

package workers

import (
	"fmt"
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

func benchSite(b *testing.B) (*site, *Worker) {
	b.Helper()
	s := newSite(b)
	w := s.worker("w-1", func(c *Config) { c.Logger = zap.NewNop() })
	return s, w
}

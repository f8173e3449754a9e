package workers

import (
	"fmt"
	"testing"
	"time"

	"go.uber.org/zap"

	"trackerfleet/bus"
	"trackerfleet/workers/source"
	"trackerfleet/workers/tracker"
)

// BenchmarkRestore makes trackers of records that were read: what a takeover takes beyond reading them.
func BenchmarkRestore(b *testing.B) {
	const n = 20_000
	w := newSite(b).worker("w-1", func(cfg *Config) {
		cfg.Logger, cfg.MaxTrackers = zap.NewNop(), 1<<30
		cfg.Sources = map[string]source.Source{"still": still{}}
	})
	tenures := make(map[int]tenure)
	for _, p := range w.partitions {
		tenures[p.number] = p.tenure()
	}
	all := 0
	for round := 0; b.Loop(); round++ {
		b.StopTimer()
		records := make([]*bus.Record, n)
		for i := range records {
			id, err := bus.ParseID(fmt.Sprintf("txn_%04d_%07d", round, i))
			if err != nil {
				b.Fatal(err)
			}
			data, err := tracker.Encode(tracker.Start(time.Now(), bus.StartRequest{TransactionID: id, Source: "still"}, bus.Trace{}).Next)
			if err != nil {
				b.Fatal(err)
			}
			records[i] = &bus.Record{Subject: bus.StateSubject(id), Revision: uint64(i + 1), Data: data}
		}
		b.StartTimer()
		restored, err := w.restoreAll(b.Context(), func(yield func(*bus.Record, error) bool) {
			for _, r := range records {
				if !yield(r, nil) {
					return
				}
			}
		}, tenures)
		if err != nil || restored != n {
			b.Fatalf("%d of %d records were restored: %v", restored, n, err)
		}
		all += n
	}
	b.ReportMetric(float64(all)/b.Elapsed().Seconds(), "records/s")
	b.ReportMetric(0, "ns/op")
}

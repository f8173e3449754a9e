package bus_test

import (
	"flag"
	"fmt"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"trackerfleet/bus"
)

var benchRecords = flag.Int("bus.records", 30_000, "records of the stream in the benchmark of loading")

// BenchmarkLoad reads the records of one partition, of 63, and of all 256, of a stream as it is in use: half of the records were written
// twice, and each time with an event. It says how many come a second, and when there were the first, half of them, and all.
//
// A scan asks for tracker.fleet.> since a consumer of two subjects, those of the records and of the owners, brought 7,000 records a
// second instead of 105,000 to 120,000 (60,000 records): in a block of which messages were replaced, the server goes through all subjects
// of the block to find each next message for several filters, and from message to message for one. Only a stream in which no record was
// written twice hid that. Partitions are asked for by two askers at a time, which leaves the rate as it is, about 45,000 a second, where
// client and server share two cores: the server looks every record of an answer up on its own.
func BenchmarkLoad(b *testing.B) {
	nc := benchFleet(b, 0)
	storeInUse(b, nc, *benchRecords)
	owners := claim(b, nc, "w-1")
	for _, partitions := range []int{1, 63, bus.Partitions} {
		b.Run(fmt.Sprintf("partitions=%d", partitions), func(b *testing.B) {
			var first, half, all time.Duration
			loaded := 0
			for b.Loop() {
				began := time.Now()
				var at []time.Duration
				for _, err := range bus.NewRecords(nc).Load(b.Context(), holdings(owners[:partitions])...) {
					if err != nil {
						b.Fatal(err)
					}
					at = append(at, time.Since(began))
				}
				loaded += len(at)
				first, half, all = first+at[0], half+at[len(at)/2], all+time.Since(began)
			}
			b.ReportMetric(float64(loaded)/all.Seconds(), "records/s")
			for unit, sum := range map[string]time.Duration{"ms-first": first, "ms-half": half, "ms-all": all} {
				b.ReportMetric(1000*sum.Seconds()/float64(b.N), unit)
			}
			b.ReportMetric(0, "ns/op")
		})
	}
}

// storeInUse stores n records with an event each, and every second of them once more.
func storeInUse(b *testing.B, nc *nats.Conn, n int) {
	b.Helper()
	p, err := bus.NewBatchPublisher(nc)
	if err != nil {
		b.Fatal(err)
	}
	defer p.Close()
	var batch []*nats.Msg
	put := func(i, run int) {
		if batch = append(batch, rawTransition(numbered(b, i), run)...); len(batch) < bus.MaxBatch {
			return
		}
		if _, err := p.Publish(b.Context(), batch); err != nil {
			b.Fatal(err)
		}
		batch = nil
	}
	n -= n % bus.MaxBatch // whole batches
	for i := range n {
		put(i, 1)
	}
	for i := range n / 2 {
		put(2*i, 2)
	}
}

package httppoll

import (
	"encoding/json"
	"fmt"
	"runtime"
	"testing"
	"time"

	"trackerfleet/workers/source"
)

// deaf is an observer that keeps nothing.
type deaf struct{}

func (*deaf) Observe(source.Observation) {}

// watchMany watches n payments, each with a tag of the usual length from its last answer.
func watchMany(b *testing.B, s *Source, n int) {
	for i := range n {
		target, err := s.Parse("id", json.RawMessage(fmt.Sprintf(`{"id":"pi_3MtwBwLkdIwHu7ix%08d"}`, i)))
		if err != nil {
			b.Fatal(err)
		}
		s.Watch(target, source.Hint{}, new(deaf))
	}
}

// BenchmarkBytesPerWatch measures what a watched payment takes beside its tracker: the watch, its place in the queue, what
// fills the template.
func BenchmarkBytesPerWatch(b *testing.B) {
	list := usual()
	list.URL, list.List.Items = "https://api.psp.test/v1/payments", "body.data"
	for name, cfg := range map[string]Config{"one each": usual(), "list": list} {
		b.Run(name, func(b *testing.B) {
			const n = 200_000
			for b.Loop() {
				s := mustNew(b, cfg)
				before := heapBytes()
				watchMany(b, s, n)
				b.ReportMetric(float64(heapBytes()-before)/n, "bytes/watch")
				runtime.KeepAlive(s)
			}
		})
	}
}

func heapBytes() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// BenchmarkCallsPerHour counts the requests of a day's second hour, for payments that nothing happens to, and measures what
// planning one takes when a hundred thousand wait.
func BenchmarkCallsPerHour(b *testing.B) {
	cfg := usual()
	cfg.Rate, cfg.Concurrency = 10_000, 256
	const n = 100_000
	s := mustNew(b, cfg)
	watchMany(b, s, n)
	answer := reading{outcome: useful, one: said{meaning: pending, status: "processing"}}
	now := time.Now()
	calls := hourOf(s, &now, answer)
	b.Logf("%.1f calls per transaction in the first hour", float64(calls)/n)
	for b.Loop() {
		calls = hourOf(s, &now, answer)
	}
	b.ReportMetric(float64(calls)/n, "calls/tx/hour")
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(calls), "ns/call")
}

// hourOf has an hour pass in which every request is answered at once.
func hourOf(s *Source, now *time.Time, r reading) (calls int) {
	for end := now.Add(time.Hour); now.Before(end); {
		t, wait := s.next(*now)
		if t == nil {
			*now = now.Add(wait)
			continue
		}
		s.finish(t, r, *now, 0)
		s.landed(t)
		calls++
	}
	return calls
}

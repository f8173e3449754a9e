package polled

import (
	"context"
	"runtime"
	"strconv"
	"testing"

	"trackerfleet/workers/source"
)

// deaf is an observer that does nothing.
type deaf struct{}

func (deaf) Observe(source.Observation) {}

// BenchmarkWatch reports what a watched transaction takes of memory, its reference of some ten bytes included.
func BenchmarkWatch(b *testing.B) {
	const watches = 100_000
	s, err := New(Config{Ask: func(context.Context, []string) (map[string]State, error) { return nil, nil }})
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		before := heap()
		handles := make([]source.Handle, watches)
		for i := range handles {
			handles[i] = s.Watch(source.Target{Ref: "pay_" + strconv.Itoa(i)}, source.Hint{}, deaf{})
		}
		b.ReportMetric(float64(heap()-before)/watches-16, "bytes/watch") // the handle is kept by the tracker
		for _, h := range handles {
			h.Close()
		}
	}
}

// heap returns the bytes in use.
func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

package tracker

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"trackerfleet/bus"
	"trackerfleet/workers/source"
)

func ethereum(i int) bus.StartRequest {
	return bus.StartRequest{
		Source: "mainnet", Labels: map[string]string{"team": "wallet"},
		Params: fmt.Appendf(nil, `{"hash":"0x%064x","from":"0x%040x","nonce":"7","finality":{"confirmations":12}}`, i, i),
	}
}

func bare(int) bus.StartRequest {
	return bus.StartRequest{Source: "sim", Timeout: bus.Duration(time.Hour)}
}

// BenchmarkBytesPerRecord reports what a record holds in memory once it was loaded, ID included.
func BenchmarkBytesPerRecord(b *testing.B) {
	for name, request := range map[string]func(int) bus.StartRequest{"bare": bare, "ethereum": ethereum} {
		b.Run(name, func(b *testing.B) {
			const records = 20_000
			for b.Loop() {
				encoded := make([][]byte, records)
				for i := range encoded {
					req := request(i)
					req.TransactionID = mustID(b, fmt.Sprintf("txn_01dp371w0fnjhf9z2tj%07d", i))
					encoded[i], _ = Encode(Start(epoch, req, bus.Trace{}).Next)
				}
				held := make([]*Record, records)
				var before, after runtime.MemStats
				runtime.GC()
				runtime.ReadMemStats(&before)
				for i := range held {
					held[i], _ = Decode(encoded[i])
				}
				runtime.GC()
				runtime.ReadMemStats(&after)
				runtime.KeepAlive(encoded)
				runtime.KeepAlive(held)
				b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/records, "B/record")
			}
		})
	}
}

func BenchmarkObserve(b *testing.B) {
	policy := &source.Policy{Confirmations: 12}
	r := Start(epoch, bus.StartRequest{TransactionID: mustID(b, "txn_1"), Source: "sim"}, bus.Trace{}).Next
	within := r.Observe(epoch, policy, included(in(100, "0xa"), 100)).Next
	for name, c := range map[string]struct {
		r *Record
		o source.Observation
	}{
		"included": {r, included(in(100, "0xa"), 100)}, "stale": {within, advanced(99)}, "advanced": {within, advanced(104)},
		"confirmed": {within, advanced(111)}, "absent": {r, absent(9, 0, 1)},
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				c.r.Observe(epoch, policy, c.o)
			}
		})
	}
}

func BenchmarkEncode(b *testing.B) {
	r := full(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Encode(r); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	encoded, err := Encode(full(b))
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(encoded)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Decode(encoded); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkBody(b *testing.B) {
	e := full(b).Stop(epoch, "normal", "ops").Events[0]
	b.ReportAllocs()
	for b.Loop() {
		if _, err := e.Body(); err != nil {
			b.Fatal(err)
		}
	}
}

package workers

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"github.com/nats-io/nats.go/micro"
)

// unsent is a request whose answer goes nowhere.
type unsent struct{ bytes *int }

func (unsent) Reply() string { return "_INBOX.abcdefghijklmnopqrstuv.12345678" }

func (u unsent) Respond(body []byte, _ ...micro.RespondOpt) error {
	*u.bytes += len(body)
	return nil
}

func (unsent) Error(string, string, []byte, ...micro.RespondOpt) error { return nil }

// BenchmarkAnswerLookup measures what the answer to a lookup costs the worker, without NATS.
func BenchmarkAnswerLookup(b *testing.B) {
	s, w := benchSite(b)
	bodies := s.spawnMany(10_000)
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		for !w.quickLookup(request{Request: unsent{&n}, body: bodies[rand.IntN(len(bodies))]}) {
			runtime.Gosched() // a write is on its way
		}
	}
	b.ReportMetric(float64(n)/float64(b.N), "bytes")
}

// spawnMany starts so many trackers that stay as they are and returns their IDs.
func (s *site) spawnMany(n int) [][]byte {
	s.t.Helper()
	bodies := make([][]byte, n)
	for i := range bodies {
		bodies[i] = fmt.Appendf(nil, "t%d", i)
	}
	for from := 0; from < n; from += 1000 {
		items := []byte(`{"items":[`)
		for i, id := range bodies[from:min(from+1000, n)] {
			if i > 0 {
				items = append(items, ',')
			}
			items = fmt.Appendf(items, `{"transaction_id":"%s",%s}`, id, waits)
		}
		if _, err := s.nc.Request("tracker.spawn", append(items, "]}"...), time.Minute); err != nil {
			s.t.Fatal(err)
		}
	}
	return bodies
}

package workers

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
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

// BenchmarkLookupThroughNATS measures lookups of 10,000 trackers in no order, 64 at a time, and what share that is of bare requests of
// the same sizes, in turns. Everything is one process here: nothing is copied through sockets, and no process waits for another to be
// given a core. So the share, 88 %, says less than that of tracker bench, whose worker and echo are processes of their own: it was 52 to
// 55 % before answers were written without reflection and garbage, and is 74 to 80 % since. By profile of that worker, with 100,000
// trackers, a lookup took
//
//	17 %  for reflection of encoding/json: gone, the answer writes itself (bus/encode_tracker.go)
//	20 %  for the collector, from 23 allocations of 1,670 bytes: 5 of 96 bytes are left, the ID, the line waiting_for, and times
//	21 %  in the registry and for the object, most of it waiting for memory that no lookup touched lately: stays, an echo has none
func BenchmarkLookupThroughNATS(b *testing.B) {
	s, _ := benchSite(b)
	bodies := s.spawnMany(10_000)
	answer, err := s.nc.Request("tracker.lookup", bodies[0], time.Minute)
	if err != nil {
		b.Fatal(err)
	}
	echo := s.connect("echo")
	if _, err := echo.Subscribe("bare.lookup", func(m *nats.Msg) { _ = m.Respond(answer.Data) }); err != nil {
		b.Fatal(err)
	}
	if err := echo.Flush(); err != nil {
		b.Fatal(err)
	}
	var bare, looked time.Duration
	n := 0
	for b.Loop() {
		bare += s.requests("bare.lookup", bodies)
		looked += s.requests("tracker.lookup", bodies)
		n += len(bodies)
	}
	b.ReportMetric(float64(n)/looked.Seconds(), "lookups/s")
	b.ReportMetric(100*bare.Seconds()/looked.Seconds(), "%_of_bare_request")
	b.ReportMetric(0, "ns/op")
}

// requests sends as many requests as there are bodies, 64 at a time, and returns how long it took.
func (s *site) requests(subject string, bodies [][]byte) time.Duration {
	began := time.Now()
	var all sync.WaitGroup
	for range 64 {
		all.Go(func() {
			for range len(bodies) / 64 {
				if _, err := s.nc.Request(subject, bodies[rand.IntN(len(bodies))], time.Minute); err != nil {
					s.t.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	return time.Since(began)
}

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

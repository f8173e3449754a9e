package supervision_test

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"trackerfleet/registry"
	"trackerfleet/supervision"
)

// quiet is the smallest server, so that what is measured is the supervision.
type quiet struct{}

func (quiet) Init(context.Context, *supervision.Child) error { return nil }

func (quiet) HandleCall(_ context.Context, call *supervision.Call) error {
	call.Reply(call.Message, nil)
	return nil
}
func (quiet) HandleCast(_ context.Context, msg any) error { return msg.(error) }
func (quiet) HandleInfo(context.Context, any) error       { return nil }
func (quiet) Terminate(context.Context, error)            {}

var quietType = &supervision.ChildType{
	Name:   "quiet",
	Server: func(*supervision.Child) supervision.Server { return quiet{} },
}

func newRegistered() *supervision.Supervisor {
	return supervision.New(supervision.Config{Registry: registry.New[string, *supervision.Child]()})
}

func ids(n int) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprintf("txn_01dp371w0fnjhf9z2t%08d", i)
	}
	return all
}

func BenchmarkStartChild(b *testing.B) {
	const n = 100_000
	all := ids(n)
	for _, goroutines := range []int{1, 2, 16} {
		b.Run(fmt.Sprintf("goroutines=%d", goroutines), func(b *testing.B) {
			total := 0
			for b.Loop() {
				s := newRegistered()
				var wg sync.WaitGroup
				for g := range goroutines {
					wg.Go(func() {
						for i := g; i < n; i += goroutines {
							if _, err := s.StartChild(context.Background(), supervision.ChildSpec{ID: all[i], Type: quietType}); err != nil {
								b.Error(err)
							}
						}
					})
				}
				wg.Wait()
				total += n
				b.StopTimer()
				stop(b, s)
				b.StartTimer()
			}
			b.ReportMetric(float64(total)/b.Elapsed().Seconds(), "starts/s")
		})
	}
}

func BenchmarkStop(b *testing.B) {
	const n = 100_000
	all := ids(n)
	for b.Loop() {
		b.StopTimer()
		s := newRegistered()
		for _, id := range all {
			start(b, s, supervision.ChildSpec{ID: id, Type: quietType})
		}
		b.StartTimer()
		stop(b, s)
	}
	b.ReportMetric(float64(n*b.N)/b.Elapsed().Seconds(), "stops/s")
}

func BenchmarkCallHibernated(b *testing.B) {
	s := newRegistered()
	c := start(b, s, supervision.ChildSpec{ID: "txn_1", Type: quietType})
	ctx, cancel := context.WithTimeout(b.Context(), time.Hour)
	defer cancel()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Call(ctx, 1); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "calls/s")
	stop(b, s)
}

func BenchmarkCrashToRunning(b *testing.B) {
	var at atomic.Int64
	began := time.Now()
	running := make(chan time.Duration, 1)
	s := supervision.New(supervision.Config{
		Registry:      registry.New[string, *supervision.Child](),
		RestartBudget: supervision.RestartBudget{Restarts: -1},
	})
	c := start(b, s, supervision.ChildSpec{ID: "txn_1", Type: &supervision.ChildType{
		Server: func(c *supervision.Child) supervision.Server {
			if c.Incarnation() > 1 {
				running <- time.Since(began) - time.Duration(at.Load())
			}
			return quiet{}
		},
		Backoff:   supervision.Backoff{Base: -1},
		Intensity: supervision.Intensity{MaxRestarts: 1 << 30},
	}})
	var took []time.Duration
	for b.Loop() {
		at.Store(int64(time.Since(began)))
		if err := c.Cast(errCrash); err != nil {
			b.Fatal(err)
		}
		took = append(took, <-running)
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Nanoseconds())/1e3, "p50-us")
	b.ReportMetric(float64(took[len(took)*99/100].Nanoseconds())/1e3, "p99-us")
	stop(b, s)
}

func BenchmarkIdleChildMemory(b *testing.B) {
	for _, n := range []int{10_000, 100_000} {
		b.Run(fmt.Sprintf("children=%d", n), func(b *testing.B) {
			all := ids(n)
			for b.Loop() {
				s := newRegistered()
				before, goroutines := resident(b), runtime.NumGoroutine()
				for _, id := range all {
					start(b, s, supervision.ChildSpec{ID: id, Type: quietType})
				}
				b.ReportMetric(float64(resident(b)-before)/float64(n), "RSS-B/child")
				b.ReportMetric(float64(runtime.NumGoroutine()-goroutines), "goroutines")
				stop(b, s)
			}
		})
	}
}

// resident is the resident set of this process in bytes, after giving back what is free.
func resident(b *testing.B) int64 {
	debug.FreeOSMemory()
	statm, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		if os.Getenv("CI") == "true" {
			b.Fatal(err)
		}
		b.Skipf("no /proc on %s: %v", runtime.GOOS, err)
	}
	pages, err := strconv.ParseInt(strings.Fields(string(statm))[1], 10, 64)
	if err != nil {
		b.Fatal(err)
	}
	return pages * int64(os.Getpagesize())
}

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
	return supervision.New(supervision.Config{Registry: registry.NewOwners((*supervision.Child).ID)})
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

// phoenix crashes on a Cast, by an error or by a panic, and tells by the Info it has sent itself before, which the next incarnation
// handles first, how long that took.
type phoenix struct {
	quiet
	child   *supervision.Child
	panics  bool
	crashed *time.Time
	running chan<- time.Duration
}

func (p phoenix) HandleCast(_ context.Context, msg any) error {
	if err := p.child.Info(nil); err != nil {
		return err
	}
	*p.crashed = time.Now()
	if p.panics {
		panic(msg)
	}
	return msg.(error)
}

func (p phoenix) HandleInfo(context.Context, any) error {
	p.running <- time.Since(*p.crashed)
	return nil
}

// BenchmarkCrashToRunning: without backoff, from the crash until the next incarnation serves.
func BenchmarkCrashToRunning(b *testing.B) {
	for _, by := range []string{"error", "panic"} {
		b.Run(by, func(b *testing.B) {
			running := make(chan time.Duration, 1)
			crashed := new(time.Time)
			s := supervision.New(supervision.Config{
				Registry:      registry.NewOwners((*supervision.Child).ID),
				RestartBudget: supervision.RestartBudget{Restarts: -1},
			})
			c := start(b, s, supervision.ChildSpec{ID: "txn_1", Type: &supervision.ChildType{
				Server: func(c *supervision.Child) supervision.Server {
					return phoenix{child: c, panics: by == "panic", crashed: crashed, running: running}
				},
				Backoff:   supervision.Backoff{Base: -1},
				Intensity: supervision.Intensity{MaxRestarts: 1 << 30},
			}})
			b.ReportAllocs()
			var took []time.Duration
			for b.Loop() {
				if err := c.Cast(errCrash); err != nil {
					b.Fatal(err)
				}
				took = append(took, <-running)
			}
			reportQuantiles(b, "away", took)
			stop(b, s)
		})
	}
}

func reportQuantiles(b *testing.B, of string, took []time.Duration) {
	slices.Sort(took)
	for _, q := range []int{50, 99} {
		b.ReportMetric(float64(took[len(took)*q/100].Nanoseconds())/1e3, fmt.Sprintf("%s-p%d-us", of, q))
	}
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

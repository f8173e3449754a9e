package supervision_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"trackerfleet/registry"
	"trackerfleet/supervision"
)

// BenchmarkRestartStorm crashes ten thousand children at once: how long each is away, and how long calls to others take meanwhile,
// beside calls before. With the defaults backoff and budget pace the restarts; with neither all come at once.
func BenchmarkRestartStorm(b *testing.B) {
	b.Run("paced", func(b *testing.B) {
		benchmarkStorm(b, supervision.RestartBudget{}, supervision.Backoff{})
	})
	b.Run("at once", func(b *testing.B) {
		benchmarkStorm(b, supervision.RestartBudget{Restarts: -1}, supervision.Backoff{Base: -1})
	})
}

func benchmarkStorm(b *testing.B, budget supervision.RestartBudget, backoff supervision.Backoff) {
	const crashing, others = 10_000, 1000
	s := supervision.New(supervision.Config{Registry: registry.NewOwners((*supervision.Child).ID), RestartBudget: budget})
	running := make(chan time.Duration, crashing)
	typ := &supervision.ChildType{
		Server: func(c *supervision.Child) supervision.Server {
			return phoenix{child: c, panics: true, crashed: c.Arg().(*time.Time), running: running}
		},
		Backoff:   backoff,
		Intensity: supervision.Intensity{MaxRestarts: 1 << 30},
	}
	var storm, calm []*supervision.Child
	for _, id := range ids(crashing) {
		storm = append(storm, start(b, s, supervision.ChildSpec{ID: id, Type: typ, Arg: new(time.Time)}))
	}
	for i := range others {
		calm = append(calm, start(b, s, supervision.ChildSpec{ID: fmt.Sprintf("other_%d", i), Type: quietType}))
	}
	var away, before, during []time.Duration
	b.ResetTimer()
	for b.Loop() {
		b.StopTimer()
		before = append(before, callEach(b.Context(), b, calm)...)
		b.StartTimer()
		over, end := context.WithCancel(b.Context())
		called := make(chan []time.Duration)
		go func() {
			var took []time.Duration
			for over.Err() == nil {
				took = append(took, callEach(over, b, calm)...)
			}
			called <- took
		}()
		for _, c := range storm {
			if err := c.Cast(errCrash); err != nil {
				b.Fatal(err)
			}
		}
		for range storm {
			away = append(away, <-running)
		}
		end()
		during = append(during, <-called...)
	}
	reportQuantiles(b, "away", away)
	reportQuantiles(b, "call-before", before)
	reportQuantiles(b, "call", during)
	stop(b, s)
}

// callEach calls all of them in turn, until over ends, and returns how long each call took.
func callEach(over context.Context, b *testing.B, children []*supervision.Child) []time.Duration {
	var took []time.Duration
	for _, c := range children {
		if over.Err() != nil {
			break
		}
		began := time.Now()
		if _, err := c.Call(context.Background(), 1); err != nil {
			b.Error(err)
		}
		took = append(took, time.Since(began))
	}
	return took
}

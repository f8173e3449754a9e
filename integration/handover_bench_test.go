package integration

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"trackerfleet/integration/process"
)

// gapWatched are how many trackers the benchmark of hand-overs asks for, and gapEvery how often each: a thousand lookups a second. A
// gap may look longer by gapEvery than it was.
const (
	gapWatched = 20
	gapEvery   = 20 * time.Millisecond
)

// BenchmarkHandOver has one of three workers with 2,000 trackers leave in good order and another one come in its place, and measures,
// for some trackers, the longest time between two answers of an owner, and the longest without a running tracker.
func BenchmarkHandOver(b *testing.B) {
	names := []string{"w-1", "w-2", "w-3"}
	b.Run("single", func(b *testing.B) {
		f := newFleet(b, names...)
		f.awaitShared(b, f.workers...)
		benchHandOver(b, f, f.workerConfig)
	})
	b.Run("replicated", func(b *testing.B) {
		c := newClustered(b, "2s", names...)
		benchHandOver(b, c.fleet, func(name string) process.WorkerConfig { return c.workerConfig(name, "2s") })
	})
}

func benchHandOver(b *testing.B, f *fleet, config func(name string) process.WorkerConfig) {
	for from := 0; from < *population; from += bulk {
		spawnBulk(b, f.client, "takeover", from)
	}
	var leave, join handOvers
	moved, joins := 0.0, 0
	for b.Loop() {
		at := joins % len(f.workers)
		gone := f.workers[at]
		leave.add(watchHandOver(b, f, func() {
			gone.Signal(b, syscall.SIGTERM)
			if code, err := gone.Wait(b.Context()); code != 0 || err != nil {
				b.Fatalf("%s left with code %d: %v", gone.Name, code, err)
			}
		}))
		join.add(watchHandOver(b, f, func() {
			f.workers[at] = process.StartWorker(b, config(gone.Name))
			f.awaitShared(b, f.workers...)
		}))
		moved += metric(b, f.workers[at], "partition_moves_total")
		joins++
	}
	leave.report(b, "leave")
	join.report(b, "join")
	b.ReportMetric(moved/float64(joins), "moves/join")
	b.ReportMetric(0, "ns/op")
}

// handOvers are the longest gaps of trackers, each tracker's own.
type handOvers struct{ unanswered, idle []time.Duration }

func (h *handOvers) add(o handOvers) {
	h.unanswered = append(h.unanswered, o.unanswered...)
	h.idle = append(h.idle, o.idle...)
}

func (h *handOvers) report(b *testing.B, what string) {
	for _, gaps := range []struct {
		name  string
		times []time.Duration
	}{{"answer", h.unanswered}, {"running", h.idle}} {
		slices.Sort(gaps.times)
		for _, c := range []struct {
			unit string
			at   int
		}{{"p50", len(gaps.times) / 2}, {"p99", len(gaps.times) * 99 / 100}, {"max", len(gaps.times) - 1}} {
			b.ReportMetric(float64(gaps.times[c.at].Milliseconds()), fmt.Sprintf("%s-%s-%s-ms", what, gaps.name, c.unit))
		}
	}
}

// watchHandOver looks some trackers up while something happens, and for as long afterwards as it takes until each runs.
func watchHandOver(b *testing.B, f *fleet, happen func()) (h handOvers) {
	ctx, cancel := context.WithCancel(b.Context())
	defer cancel()
	var mu sync.Mutex
	var watching sync.WaitGroup
	for i := range gapWatched {
		id := "takeover_" + strconv.Itoa(i**population/gapWatched)
		watching.Go(func() {
			unanswered, idle := watchGap(ctx, f.client, id)
			mu.Lock()
			defer mu.Unlock()
			h.unanswered, h.idle = append(h.unanswered, unanswered), append(h.idle, idle)
		})
	}
	happen()
	process.Await(b, patience, func() error { return allRun(f.client) })
	cancel()
	watching.Wait()
	return h
}

// allRun returns why not every tracker that is watched runs.
func allRun(c *client) error {
	for i := range gapWatched {
		r, err := c.try(context.Background(), "lookup", "takeover_"+strconv.Itoa(i**population/gapWatched))
		if err != nil {
			return err
		}
		if r.Stale || r.Tracker.Phase != "running" {
			return errors.New(string(r.body))
		}
	}
	return nil
}

// watchGap returns the longest time between two fresh answers, and between two of a running tracker, until ctx ends.
func watchGap(ctx context.Context, c *client, id string) (unanswered, idle time.Duration) {
	ticker := time.NewTicker(gapEvery)
	defer ticker.Stop()
	answered := time.Now()
	ran := answered
	for {
		var r reply
		msg, err := c.nc.Request("tracker.lookup", []byte(id), time.Second)
		if err == nil {
			err = json.Unmarshal(msg.Data, &r)
		}
		now := time.Now()
		if err == nil && r.Status == "found" && !r.Stale {
			unanswered, answered = max(unanswered, now.Sub(answered)), now
			if r.Tracker.Phase == "running" {
				idle, ran = max(idle, now.Sub(ran)), now
			}
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return unanswered, idle
		}
	}
}

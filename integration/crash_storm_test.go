package integration

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"trackerfleet/integration/checker"
	"trackerfleet/integration/process"
)

const (
	stormCrashes = 10_000
	bystanders   = 64
	callers      = 200 // who call the trackers at one time
	lookers      = 16  // who look others up meanwhile
)

// spawnAll starts trackers that come to no end by themselves, many with each request.
func (l *load) spawnAll(t *testing.T, ids []string) {
	t.Helper()
	for batch := range slices.Chunk(ids, 1000) {
		var items []string
		for _, id := range batch {
			items = append(items, fmt.Sprintf(`{"transaction_id":%q,"params":%s}`, id, forever))
			l.asked[id] = forever
		}
		r := l.client.ask(t, "spawn", `{"items":[`+strings.Join(items, ",")+`]}`)
		for i, item := range r.Items {
			if item.Status != "created" {
				t.Fatalf("spawn of %s: %s", batch[i], r.body)
			}
			l.note(checker.Start{ID: batch[i], Run: 1}, nil)
		}
	}
}

// each calls f for every ID, some at one time, and returns when all are done.
func each(ids []string, f func(id string)) {
	next := make(chan string)
	var all sync.WaitGroup
	for range callers {
		all.Go(func() {
			for id := range next {
				f(id)
			}
		})
	}
	for _, id := range ids {
		next <- id
	}
	close(next)
	all.Wait()
}

// call makes a call and wants its answer; 0: that it was served.
func (c *client) call(t *testing.T, id, op string, want int) {
	for {
		r, err := c.try(t.Context(), "call", fmt.Sprintf(`{"transaction_id":%q,"op":%q}`, id, op))
		switch {
		case err != nil:
			t.Errorf("%s of %s: %v", op, id, err)
			return
		case r.code() == want:
			return
		case r.code() != 429: // refused before anything happened
			t.Errorf("%s of %s: %s", op, id, r.body)
			return
		}
	}
}

// stopAll stops trackers and returns how long each was away after its crash; restarts are when they ran again.
func (c *client) stopAll(t *testing.T, ids []string, restarts map[string]time.Time) (away []time.Duration) {
	var mu sync.Mutex
	each(ids, func(id string) {
		r := c.ask(t, "stop", id)
		if r.Status != "stopped" {
			t.Errorf("stop of %s: %s", id, r.body)
		}
		if crash := r.Tracker.LastError; crash != nil {
			mu.Lock()
			defer mu.Unlock()
			away = append(away, restarts[id].Sub(crash.At))
		}
	})
	return away
}

// sampler looks bystanders up all the time, and keeps how long each lookup takes.
type sampler struct {
	mu    sync.Mutex
	took  []time.Duration
	wrong []string
}

func (s *sampler) run(ctx context.Context, c *client, ids []string) {
	for i := 0; ctx.Err() == nil; i++ {
		begun := time.Now()
		msg, err := c.nc.RequestWithContext(ctx, "tracker.lookup", []byte(ids[i%len(ids)]))
		took := time.Since(begun)
		if ctx.Err() != nil {
			return
		}
		var r reply
		if err == nil {
			err = json.Unmarshal(msg.Data, &r)
		}
		if err == nil && (r.Status != "found" || r.Stale || r.Tracker.Phase != "running" || r.Tracker.Incarnation != 1) {
			err = errors.New(string(msg.Data))
		}
		s.mu.Lock()
		s.took = append(s.took, took)
		if err != nil {
			s.wrong = append(s.wrong, err.Error())
		}
		s.mu.Unlock()
	}
}

// take returns what was kept since it was taken last.
func (s *sampler) take() []time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	took := s.took
	s.took = nil
	return took
}

// quantile returns the least duration that a share of all do not exceed.
func quantile(all []time.Duration, share float64) time.Duration {
	if len(all) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(all))
	return sorted[min(len(sorted)-1, int(share*float64(len(sorted))))]
}

// awaitRestarts returns when each transaction's restarted event was stored. More than one of a transaction is an error.
func (l *load) awaitRestarts(t *testing.T, n int) map[string]time.Time {
	t.Helper()
	var restarts map[string]time.Time
	process.Await(t, patience, func() error {
		history, err := checker.Read(t.Context(), l.client.js, "TRACKER")
		if err != nil {
			return err
		}
		restarts = make(map[string]time.Time, n)
		for _, e := range history.Events {
			if e.Type != "restarted" {
				continue
			}
			if _, twice := restarts[e.ID]; twice {
				t.Errorf("%s was restarted twice after one crash", e.ID)
			}
			restarts[e.ID] = e.At
		}
		return more(len(restarts), n-1)
	})
	return restarts
}

// goroutines returns how many a worker has.
func goroutines(t *testing.T, w *process.Worker) (n int) {
	t.Helper()
	process.Await(t, patience, func() error {
		_, page, err := fetch(t, w, "/metrics")
		if err != nil {
			return err
		}
		_, rest, _ := strings.Cut(page, "\ngo_goroutines ")
		value, _, _ := strings.Cut(rest, "\n")
		n, err = strconv.Atoi(value)
		return err
	})
	return n
}

// TestTenThousandCrashesAtOnce has ten thousand trackers of one worker panic as fast as they can be asked to: each comes back,
// with one event for its one crash, nobody is parked, and the others are served meanwhile.
func TestTenThousandCrashesAtOnce(t *testing.T) {
	takesAWhile(t)
	f := newFleet(t, "w-1") // alone on the machine, as it measures
	l := newLoad(f.client, "crash")
	ids, others := make([]string, stormCrashes), make([]string, bystanders)
	for i := range ids {
		ids[i] = fmt.Sprint("crash_", i)
	}
	for i := range others {
		others[i] = fmt.Sprint("bystander_", i)
	}
	l.spawnAll(t, ids)
	l.spawnAll(t, others)

	var s sampler
	ctx, cancel := context.WithCancel(t.Context())
	var asking sync.WaitGroup
	c := newClient(t, f.server.Connect(t))
	for range lookers {
		asking.Go(func() { s.run(ctx, c, others) })
	}
	before := goroutines(t, f.workers[0])
	var calm []time.Duration
	for s.take(); len(calm) < 100; calm = append(calm, s.take()...) {
		each(ids, func(id string) { f.call(t, id, "ping", 0) })
	}
	begun := time.Now()
	each(ids, func(id string) { f.call(t, id, "crash", 410) })
	took, stormy := time.Since(begun), s.take()
	restarts := l.awaitRestarts(t, len(ids))
	cancel()
	asking.Wait()

	away := f.stopAll(t, append(ids, others...), restarts)
	ratio := float64(quantile(stormy, 0.99)) / float64(quantile(calm, 0.99))
	t.Logf("%d crashes in %s; from a crash to running p50 %s, p99 %s",
		len(away), took.Round(time.Millisecond), quantile(away, 0.5), quantile(away, 0.99))
	t.Logf("lookups of others: p99 %s of %d in the calm, %s of %d in the storm, ratio %.1f",
		quantile(calm, 0.99), len(calm), quantile(stormy, 0.99), len(stormy), ratio)
	if len(stormy) == 0 {
		t.Error("nobody was answered while trackers crashed")
	}
	for _, lie := range s.wrong {
		t.Errorf("lookup of a bystander: %s", lie)
	}
	process.Await(t, patience, func() error {
		if n := goroutines(t, f.workers[0]); n > before+bystanders {
			return fmt.Errorf("%d goroutines, %d before the storm", n, before)
		}
		return nil
	})
	if n := metric(t, f.workers[0], "parked_total"); n > 0 {
		t.Errorf("%v trackers were parked", n)
	}
	if n := metric(t, f.workers[0], "crashes_total"); n != stormCrashes || len(away) != stormCrashes {
		t.Errorf("%v crashes are counted, and %d told of", n, len(away))
	}
	t.Log(l.judge(t, map[string]int{"restart": len(restarts)}))
}

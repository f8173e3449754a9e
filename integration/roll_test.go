package integration

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"
)

// watched are how many trackers are asked for all the time, and askEvery how often each, so that there are a thousand lookups a
// second. A gap may look longer by askEvery than it was.
const (
	watched  = 20
	askEvery = 20 * time.Millisecond
)

// gaps knows, of each watched tracker, the longest time without an answer that is not stale.
type gaps struct {
	mu      sync.Mutex
	worst   []time.Duration
	answers int
	stale   int
	wrong   []string
}

// watchLookups looks trackers up all the time until ctx ends.
func watchLookups(ctx context.Context, c *client, ids []string) (*gaps, *sync.WaitGroup) {
	g := &gaps{worst: make([]time.Duration, len(ids))}
	var all sync.WaitGroup
	for i, id := range ids {
		all.Go(func() { g.watch(ctx, c, i, id) })
	}
	return g, &all
}

func (g *gaps) watch(ctx context.Context, c *client, i int, id string) {
	ticker := time.NewTicker(askEvery)
	defer ticker.Stop()
	missing := time.Time{} // when the first lookup was sent since the last good answer that got none
	for ctx.Err() == nil {
		sent := time.Now()
		msg, err := c.nc.Request("tracker.lookup", []byte(id), time.Second)
		var r reply
		if err == nil {
			err = json.Unmarshal(msg.Data, &r)
		}
		good := err == nil && r.Status == "found" && !r.Stale
		g.mu.Lock()
		g.answers++
		switch {
		case good && !missing.IsZero():
			g.worst[i] = max(g.worst[i], time.Since(missing))
			missing = time.Time{}
		case good:
			g.worst[i] = max(g.worst[i], time.Since(sent))
		case missing.IsZero():
			missing = sent
		}
		if err == nil && r.Status == "found" && r.Stale {
			g.stale++
		}
		if err == nil && r.Status == "not_found" {
			g.wrong = append(g.wrong, string(msg.Data))
		}
		g.mu.Unlock()
		select {
		case <-ticker.C:
		case <-ctx.Done():
		}
	}
}

// report logs how long lookups went without a fresh answer so far.
func (g *gaps) report(t *testing.T, when string) {
	t.Helper()
	g.mu.Lock()
	defer g.mu.Unlock()
	worst := slices.Sorted(slices.Values(g.worst))
	t.Logf("%s: longest time without a fresh answer: p50 %s, worst %s of %d IDs; %d lookups, %d stale",
		when, worst[len(worst)/2].Round(time.Millisecond), worst[len(worst)-1].Round(time.Millisecond), len(worst), g.answers, g.stale)
}

// TestRollingRestartIsNoticedByNobody stops every worker in order with SIGTERM and starts a new one in its place, under load and a
// thousand lookups a second: each leaves with code 0 and without a line of error, and no lookup is answered wrong.
func TestRollingRestartIsNoticedByNobody(t *testing.T) {
	takesAWhile(t)
	t.Parallel()
	f := newFleet(t, "w-1", "w-2", "w-3")
	f.awaitShared(t, f.workers...)
	l := newLoad(f.client, "roll")
	stop := l.spawnLasting(t, watched)
	ids := make([]string, watched)
	for i := range ids {
		ids[i] = "roll_lasting_" + strconv.Itoa(i)
	}
	ctx, cancel := context.WithCancel(t.Context())
	g, asking := watchLookups(ctx, newClient(t, f.server.Connect(t)), ids)
	old := slices.Clone(f.workers)
	l.pour(t, 20*time.Millisecond, func() {
		for i, w := range old {
			l.awaitMore(t, 30)
			w.Signal(t, syscall.SIGTERM)
			if code, err := w.Wait(t.Context()); code != 0 || err != nil {
				t.Errorf("%s left with code %d: %v", w.Name, code, err)
			}
			f.workers[i] = f.startWorker(t, w.Name)
		}
		f.awaitShared(t, f.workers...)
	})
	cancel()
	asking.Wait()
	g.report(t, "while rolling")
	if len(g.wrong) > 0 {
		t.Errorf("lookups of running trackers were answered wrong: %q", g.wrong)
	}
	stop()
	t.Log(l.judge(t, map[string]int{"takeover by another worker": 0}))
	if lines := loud(append(old, f.workers...)...); len(lines) > 0 {
		t.Errorf("errors were logged: %q", lines)
	}
}

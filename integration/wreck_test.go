package integration

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"trackerfleet/integration/checker"
	"trackerfleet/integration/process"
	"trackerfleet/workers/source/sourcetest"
)

// newWrecked starts a server and workers whose trackers can be wrecked, and returns once they share all partitions.
func newWrecked(t *testing.T, names ...string) *fleet {
	t.Helper()
	f := &fleet{server: process.StartServer(t)}
	f.client = newClient(t, f.server.Connect(t))
	for _, name := range names {
		f.workers = append(f.workers, f.startWrecked(t, name))
	}
	f.awaitShared(t, f.workers...)
	return f
}

// spawnWrecked starts n trackers on a worker that are wrecked when they are asked to refresh.
func (l *load) spawnWrecked(t *testing.T, w *process.Worker, n int, deed string) (ids []string) {
	t.Helper()
	for i := 0; len(ids) < n; i++ {
		id := fmt.Sprintf("%s_%s_%s_%d", l.prefix, deed, w.Name, i)
		params := fmt.Sprintf(`{"outcome":"confirm","confirmations":80,"wreck":{"at":"refresh","deed":%q}}`, deed)
		started := l.client.want(t, "created", "spawn", fmt.Sprintf(`{"transaction_id":%q,"params":%s}`, id, params))
		l.mu.Lock()
		l.asked[id] = string(sourcetest.Unwrecked([]byte(params)))
		l.mu.Unlock()
		l.note(checker.Start{ID: id, Run: 1}, nil)
		if started.Tracker.Worker == w.Name {
			ids = append(ids, id)
		}
	}
	return ids
}

// wreck asks trackers to refresh, which they do not answer.
func (l *load) wreck(t *testing.T, ids []string) {
	t.Helper()
	var asking sync.WaitGroup
	for _, id := range ids {
		asking.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			if r, err := l.client.try(ctx, "call", fmt.Sprintf(`{"transaction_id":%q,"op":"refresh"}`, id)); err == nil && r.Status == "ok" {
				t.Errorf("%s is not wrecked: %s", id, r.body)
			}
		})
	}
	asking.Wait()
}

// leave stops a worker with SIGTERM and wants it to leave in good order.
func leave(t *testing.T, w *process.Worker) {
	t.Helper()
	w.Signal(t, syscall.SIGTERM)
	if code, err := w.Wait(t.Context()); code != 0 || err != nil {
		t.Errorf("%s left with code %d: %v", w.Name, code, err)
	}
	if n := w.Said("deadline exceeded"); n > 0 {
		t.Errorf("%s did not leave in time", w.Name)
	}
}

// TestPanicOutsideOfATrackerEndsItsWorkerAlone has a tracker's source panic in a goroutine of its own, which nobody can
// contain: the worker's process ends, and its lease covers that. The trackers of the other worker stay as they are.
func TestPanicOutsideOfATrackerEndsItsWorkerAlone(t *testing.T) {
	takesAWhile(t)
	t.Parallel()
	f := newWrecked(t, "w-1", "w-2")
	l := newLoad(f.client, "spawned")
	const lasting = 40
	stop := l.spawnLasting(t, lasting)
	doomed := f.workers[0]
	panics := 0
	l.pour(t, 10*time.Millisecond, func() {
		ids := l.spawnWrecked(t, doomed, 1, "spawn")
		before := l.lasting(t, lasting)
		doomed.ExpectPanic()
		l.wreck(t, ids)
		if code, err := doomed.Wait(t.Context()); code != 2 || err != nil {
			t.Errorf("after a panic the exit code is %d: %v", code, err)
		}
		panics += doomed.Said("panic: sourcetest: wrecked in a goroutine of its own")
		process.Await(t, patience, func() error { return f.without(doomed.Name) })
		for id, is := range l.lasting(t, lasting) {
			if was := before[id]; strings.HasSuffix(was, f.workers[1].Name) && is != was {
				t.Errorf("%s was %s and is %s", id, was, is)
			}
		}
		f.workers[0] = f.startWrecked(t, doomed.Name)
		f.awaitShared(t, f.workers...)
	})
	stop()
	t.Log(l.judge(t, map[string]int{"takeover by another worker": 0, "panic": panics}))
}

// TestTrackersThatHangHoldNobodyUp drains a worker with trackers that hang and do not heed their cancellation, and another one
// with SIGTERM: both get rid of everything, the trackers are reported by ID with their stacks, those that follow decide, and
// when the old ones wake up nobody hears of it.
func TestTrackersThatHangHoldNobodyUp(t *testing.T) {
	takesAWhile(t)
	t.Parallel()
	f := newWrecked(t, "w-1", "w-2")
	l := newLoad(f.client, "hang")
	stop := l.spawnLasting(t, 40)
	const hung = 12
	reported := 0
	l.pour(t, 10*time.Millisecond, func() {
		drained := f.workers[0]
		ids := l.spawnWrecked(t, drained, hung, "hang")
		l.wreck(t, ids)
		msg, err := f.nc.Request("tracker.drain", []byte(drained.Name), stopTimeout)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("drain with %d trackers that hang: %s", hung, msg.Data)
		process.Await(t, patience, func() error { return f.without(drained.Name) })
		if n := metric(t, drained, "abandoned_goroutines"); n != hung {
			t.Errorf("%v goroutines are given up, want %d", n, hung)
		}
		_, log := drained.Output()
		for _, id := range ids {
			if slices.ContainsFunc(log, func(line string) bool {
				return strings.Contains(line, "is abandoned") && strings.Contains(line, fmt.Sprintf("%q", id)) && strings.Contains(line, "strike")
			}) {
				reported++
			}
			if end := f.last(t, id, "confirmed"); end.Worker == drained.Name {
				t.Errorf("%s was ended by the worker that it hung on", id)
			}
		}
		drained.Signal(t, syscall.SIGUSR1)
		process.Await(t, patience, func() error { return more(1, int(metric(t, drained, "abandoned_goroutines"))) })
		leave(t, drained)
		f.workers[0] = f.startWrecked(t, drained.Name)
		f.awaitShared(t, f.workers...)
		l.wreck(t, l.spawnWrecked(t, f.workers[1], hung, "hang"))
		leave(t, f.workers[1])
		process.Await(t, patience, func() error { return f.ownsAll(f.workers[0].Name) })
	})
	if reported != hung {
		t.Errorf("%d of %d trackers that hang were reported", reported, hung)
	}
	stop()
	t.Log(l.judge(t, map[string]int{"takeover by another worker": 0, "report": reported}))
}

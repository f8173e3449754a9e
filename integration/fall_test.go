package integration

import (
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"trackerfleet/integration/process"
)

// TestFleetFallsAndRises kills two workers of four at once, then one that is just loading what it took over from them, and at last
// every worker and the server. Each time the rest, or who comes after, goes on with everything, and what has finished stays so.
func TestFleetFallsAndRises(t *testing.T) {
	takesAWhile(t)
	t.Parallel()
	f := newLeased(t, "w-1", "w-2", "w-3", "w-4")
	l := newLoad(f.client, "fall")
	const lasting = 120
	stop := l.spawnLasting(t, lasting)
	before := l.lasting(t, lasting)
	finished := make(map[string]string)
	loads := 0
	l.pour(t, 10*time.Millisecond, func() {
		l.awaitMore(t, 50)
		f.workers[0].Kill()
		f.workers[1].Kill()
		third, last := f.workers[2], f.workers[3]
		claims := third.Said("claimed partitions")
		awaitClaim(t, third, claims+1)
		third.Kill()
		if third.Said("loaded partitions") <= claims {
			loads++
		}
		f.awaitShared(t, last)
		l.awaitMore(t, 50)

		f.finished(t, l, finished)
		last.Kill()
		f.server.Kill()
		f.server.Restart(t)
		risen := []*process.Worker{process.LaunchWorker(t, f.leasedConfig("w-5")), process.LaunchWorker(t, f.leasedConfig("w-1"))}
		for _, w := range risen {
			w.AwaitReady(t)
		}
		f.awaitShared(t, risen...)
		l.awaitMore(t, 50)
	})
	after := l.lasting(t, lasting)
	for id, pid := range before {
		if after[id] == pid {
			t.Errorf("%s is %s still, and its worker is dead", id, pid)
		}
	}
	was := maps.Clone(finished)
	if f.finished(t, l, finished); len(was) == 0 {
		t.Error("nothing had finished before everything was killed")
	}
	for id, body := range was {
		if finished[id] != body {
			t.Errorf("%s had finished as\n%s\nand is now\n%s", id, body, finished[id])
		}
	}
	stop()
	t.Log(l.judge(t, map[string]int{"takeover by another worker": 0, "kill while loading": loads, "finished before": len(was)}))
}

// awaitClaim waits until a worker has claimed partitions for the nth time.
func awaitClaim(t *testing.T, w *process.Worker, n int) {
	t.Helper()
	seen := 0
	_, err := w.Stderr(t.Context(), func(line string) bool {
		if strings.Contains(line, "claimed partitions") {
			seen++
		}
		return seen >= n
	})
	if err != nil {
		t.Fatal(err)
	}
}

// finished notes of the first few starts of a load what lookup says of those that have finished.
func (f *fleet) finished(t *testing.T, l *load, into map[string]string) {
	t.Helper()
	for i := range 20 {
		r := f.client.ask(t, "lookup", fmt.Sprintf("%s_%d", l.prefix, i))
		if r.Status == "found" && r.Tracker.Phase == "finished" {
			into[r.Tracker.ID] = fmt.Sprintf("run %d, %s, %d events, %s", r.Tracker.Run, r.Tracker.Status, r.Tracker.Events, r.Tracker.pid())
		}
	}
}

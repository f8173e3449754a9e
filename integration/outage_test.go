package integration

import (
	"maps"
	"testing"
	"time"

	"trackerfleet/integration/process"
)

// TestOutageOfTheServerMovesNothing kills the only nats-server with SIGKILL under load and starts it again on its store, after
// shorter and longer than workers write without hearing themselves: what was accepted is there, no partition changes hands, no
// tracker is loaded anew, and each worker says so while it can't work.
func TestOutageOfTheServerMovesNothing(t *testing.T) {
	takesAWhile(t)
	t.Parallel()
	outages := []time.Duration{100 * time.Millisecond, 3 * time.Second}
	if *long {
		outages = append(outages, 10*time.Second, 30*time.Second)
	}
	f := newFleet(t)
	for _, name := range []string{"w-1", "w-2"} {
		config := f.workerConfig(name)
		config.Lease = "" // the outages are about the default
		f.workers = append(f.workers, process.LaunchWorker(t, config))
	}
	for _, w := range f.workers {
		w.AwaitReady(t)
	}
	f.awaitShared(t, f.workers...)
	c, lost := monitored(t, f.server)
	l := newLoad(c, "outage")
	stop := l.spawnLasting(t, 60)
	trackers, moves := l.lasting(t, 60), metrics(t, f.workers, "partition_moves_total")
	l.pour(t, 10*time.Millisecond, func() {
		for _, outage := range outages {
			l.awaitMore(t, 50)
			f.server.Kill()
			if outage > time.Second {
				for _, w := range f.workers {
					process.Await(t, patience, func() error { return unready(t, w) })
				}
			}
			hold(t, outage)
			f.server.Restart(t)
			l.awaitMore(t, 50)
			for _, w := range f.workers {
				process.Await(t, patience, func() error { return ready(t, w) })
			}
		}
	})
	if got := l.lasting(t, 60); !maps.Equal(got, trackers) {
		t.Errorf("trackers are others than before the outages:\n%v\n%v", trackers, got)
	}
	if got := metrics(t, f.workers, "partition_moves_total"); got != moves {
		t.Errorf("%v partitions were taken over for a fault of the bus alone", got-moves)
	}
	stop()
	_, refused := l.count()
	thaws := f.workers[0].Said("thawed") + f.workers[1].Said("thawed")
	t.Log(l.judge(t, map[string]int{"lost connection": lost(), "refused publish": refused, "freeze": thaws}))
	if lines := loud(f.workers...); len(lines) > 0 {
		t.Errorf("errors were logged: %q", lines)
	}
}

package integration

import (
	"net/url"
	"slices"
	"strconv"
	"testing"
	"time"

	"trackerfleet/integration/process"
)

// TestLossyNetworkFreezesAWorkerAtWorst loses packets between a worker and the bus, a third of all, or all that go one way without either
// end being told, until the network heals. A worker whom nobody hears, or who hears nobody, freezes by itself, and the others take its
// partitions; it gets its share back.
func TestLossyNetworkFreezesAWorkerAtWorst(t *testing.T) {
	takesAWhile(t)
	for _, c := range []struct {
		name          string
		toNear, toFar int // of a hundred packets
	}{
		{"a third both ways", 33, 33},
		{"all that it says", 100, 0},
		{"all that it hears", 0, 100},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			network := process.NewNetwork(t)
			f := newFleetOn(t, process.ServerConfig{Host: network.Near}, "w-1")
			config := f.workerConfig("w-2")
			config.Network = network
			far := process.StartWorker(t, config)
			all := append(slices.Clone(f.workers), far)
			f.awaitShared(t, all...)
			l := newLoad(f.client, "lossy")
			stop := l.spawnLasting(t, 40)
			evidence, moves := make(map[string]int), metrics(t, all, "partition_moves_total")
			l.pour(t, 10*time.Millisecond, func() {
				l.awaitMore(t, 50)
				network.Lose(t, portOf(t, f.server), c.toNear, c.toFar)
				if c.toNear+c.toFar == 100 {
					process.Await(t, patience, func() error { return more(int(metric(t, far, "frozen")), 0) })
					process.Await(t, patience, func() error { return f.without(far.Name) })
					evidence["freeze"]++
					evidence["takeover by another worker"] = 0
				} else {
					hold(t, 3*chaosLease)
				}
				l.awaitMore(t, 50)
				toNear, toFar := network.Lost(t)
				t.Logf("%d packets of the worker were lost and %d of the server; it was frozen %d times", toNear, toFar, far.Said("frozen"))
				if c.toNear > 0 {
					evidence["lost packet of the worker"] = toNear
				}
				if c.toFar > 0 {
					evidence["lost packet of the server"] = toFar
				}
				network.Lose(t, portOf(t, f.server), 0, 0)
				f.awaitShared(t, all...)
				l.awaitMore(t, 50)
			})
			stop()
			t.Logf("%v writes were refused as fenced, %v partitions were taken",
				metrics(t, all, "fenced_writes_total"), metrics(t, all, "partition_moves_total")-moves)
			t.Log(l.judge(t, evidence))
		})
	}
}

// portOf returns the port that a server listens on.
func portOf(t *testing.T, s *process.Server) int {
	t.Helper()
	u, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.Atoi(u.Port())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

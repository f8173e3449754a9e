package integration

import (
	"strings"
	"syscall"
	"testing"
	"time"

	"trackerfleet/integration/process"
)

// replicated is the configuration of workers on a cluster.
var replicated = simulated + "streams: {replicas: 3}\n"

// clustered is a fleet on three servers.
type clustered struct {
	*fleet
	nodes *process.Cluster
}

// newClustered starts three servers and a worker for each of the names, and returns once they share all partitions.
func newClustered(t testing.TB, lease string, names ...string) *clustered {
	t.Helper()
	c := &clustered{nodes: process.StartCluster(t, 3)}
	c.fleet = &fleet{client: newClient(t, c.nodes.Connect(t))}
	for _, name := range names {
		c.workers = append(c.workers, process.LaunchWorker(t, c.workerConfig(name, lease)))
	}
	for _, w := range c.workers {
		w.AwaitReady(t)
	}
	c.awaitShared(t, c.workers...)
	return c
}

func (c *clustered) workerConfig(name, lease string) process.WorkerConfig {
	return process.WorkerConfig{
		Server: c.nodes.URL(), Name: name, YAML: replicated, Lease: lease, Flags: []string{"--manage-assets", "create", "--allow-crash"},
	}
}

// settled waits until a server more can be missed.
func (c *clustered) settled(t testing.TB) {
	t.Helper()
	c.nodes.AwaitReplicas(t, c.js, "TRACKER", "TRACKER_STARTS", "TRACKER_REJECTED")
}

// leader returns the server that takes the fleet's writes.
func (c *clustered) leader(t testing.TB) *process.Server {
	t.Helper()
	return c.nodes.Leader(t, c.js, "TRACKER")
}

// TestClusterLosesItsServersAndNoStart kills, under load, the leader of the stream, and then two of the three servers, without
// which nothing can be written: writes resume by themselves, and every worker keeps its partitions.
func TestClusterLosesItsServersAndNoStart(t *testing.T) {
	takesAWhile(t)
	t.Parallel()
	c := newClustered(t, "", "w-1", "w-2")
	l := newLoad(c.client, "cluster")
	stop := l.spawnLasting(t, 40)
	moves := metrics(t, c.workers, "partition_moves_total")
	changes := 0
	l.pour(t, 20*time.Millisecond, func() {
		l.awaitMore(t, 50)
		leader := c.leader(t)
		leader.Kill()
		begin := time.Now()
		l.awaitMore(t, 20)
		t.Logf("20 starts more were accepted within %s of the death of the records' leader", time.Since(begin).Round(time.Millisecond))
		if c.leader(t) != leader {
			changes++
		}
		leader.Restart(t)
		c.settled(t)

		down := c.nodes.Nodes[:2]
		for _, node := range down {
			node.Kill()
		}
		l.awaitRefused(t, 3)
		for _, node := range down {
			node.Restart(t)
		}
		begin = time.Now()
		l.awaitMore(t, 50)
		t.Logf("50 starts more were accepted within %s of two of three servers being there again", time.Since(begin).Round(time.Millisecond))
		c.settled(t)
	})
	c.awaitShared(t, c.workers...)
	if got := metrics(t, c.workers, "partition_moves_total"); got != moves {
		t.Errorf("%v partitions were taken over for a fault of the bus alone", got-moves)
	}
	stop()
	_, refused := l.count()
	t.Log(l.judge(t, map[string]int{"change of leader": changes, "refused publish": refused}))
	if lines := loud(c.workers...); len(lines) > 0 {
		t.Errorf("errors were logged: %s", strings.Join(lines, "\n"))
	}
}

// TestClusterRollsThroughAllItsServers stops each server in order, and then kills each, while the others serve.
func TestClusterRollsThroughAllItsServers(t *testing.T) {
	takesAWhile(t)
	if !*long {
		t.Skip("left out because it takes minutes; to run it: go test ./integration -faults -faults.long")
	}
	t.Parallel()
	c := newClustered(t, "", "w-1", "w-2", "w-3")
	l := newLoad(c.client, "rolling")
	stop := l.spawnLasting(t, 40)
	moves := metrics(t, c.workers, "partition_moves_total")
	l.pour(t, 20*time.Millisecond, func() {
		for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL} {
			for _, node := range c.nodes.Nodes {
				c.settled(t)
				l.awaitMore(t, 20)
				node.Signal(t, signal)
				<-node.Ended()
				begin := time.Now()
				l.awaitMore(t, 20)
				t.Logf("%s of %s: 20 writes more after %s", signal, node.Name, time.Since(begin).Round(time.Millisecond))
				node.Restart(t)
			}
		}
		c.settled(t)
	})
	c.awaitShared(t, c.workers...)
	if got := metrics(t, c.workers, "partition_moves_total"); got != moves {
		t.Errorf("%v partitions were taken over for a fault of the bus alone", got-moves)
	}
	stop()
	retries := metrics(t, c.workers, "journal_retries_total")
	t.Log(l.judge(t, map[string]int{"retried batch": int(retries)}))
}

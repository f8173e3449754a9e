package workers

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"

	"trackerfleet/bus"
	"trackerfleet/bus/embedded"
	"trackerfleet/workers/simulated"
	"trackerfleet/workers/source"
	"trackerfleet/workers/tracker"
)

const (
	spawnRound = 10_000 // starts, and ends, of a round
	stopping   = 1024   // requests to stop at one time
)

// BenchmarkSpawn starts trackers in bulk by the client, and ends them one by one, with the store synced at every batch. Both are told
// as a share of the ceiling: full batches of the same messages without conditions, on the same server in the same rounds, as many at a
// time as the journal has. Client, worker and servers are in this process and talk over loopback; CPU and allocations are all of theirs.
func BenchmarkSpawn(b *testing.B) {
	for name, servers := range map[string]func(*testing.B) (urls []string, replicas int){"embedded": oneServer, "cluster=3": threeServers} {
		b.Run(name, func(b *testing.B) {
			urls, replicas := servers(b)
			s := newSpawnBench(b, urls, replicas)
			var raw, starts, finals cost
			for n := 0; b.Loop(); n += spawnRound {
				ids := s.ids(n)
				batches := s.batches(ids)
				raw.add(func() { s.publish(batches) })
				starts.add(func() { s.spawn(ids) })
				finals.add(func() { s.stop(ids) })
			}
			raw.report(b, "raw")
			starts.report(b, "start")
			finals.report(b, "final")
			b.ReportMetric(raw.took.Seconds()/starts.took.Seconds(), "starts-share")
			b.ReportMetric(raw.took.Seconds()/finals.took.Seconds(), "finals-share")
			stats := s.worker.Stats().Journal
			b.ReportMetric(float64(stats.Messages)/float64(stats.Batches), "msgs/batch")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// cost is what rounds took.
type cost struct {
	rounds  int
	took    time.Duration
	cpu     time.Duration
	mallocs uint64
}

func (c *cost) add(round func()) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	cpu, began := cpuTime(), time.Now()
	round()
	c.took += time.Since(began)
	c.cpu += cpuTime() - cpu
	runtime.ReadMemStats(&after)
	c.mallocs += after.Mallocs - before.Mallocs
	c.rounds++
}

func (c *cost) report(b *testing.B, what string) {
	n := float64(c.rounds * spawnRound)
	b.ReportMetric(n/c.took.Seconds(), what+"s/s")
	b.ReportMetric(float64(c.cpu.Microseconds())/n, "cpu-us/"+what)
	b.ReportMetric(float64(c.mallocs)/n, "allocs/"+what)
}

func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func oneServer(b *testing.B) ([]string, int) {
	server, err := embedded.Start(b.Context(), embedded.Config{Dir: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = server.Stop(context.Background()) })
	return []string{server.URL()}, 1
}

// spawnBench is one worker with the streams that it and its ceiling need.
type spawnBench struct {
	b      *testing.B
	worker *Worker
	client *bus.Client
	raw    *bus.BatchPublisher
}

func newSpawnBench(b *testing.B, urls []string, replicas int) *spawnBench {
	connect := func(name string) *nats.Conn {
		nc, err := bus.Connect(b.Context(), bus.ConnectConfig{URLs: urls, Name: name})
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(nc.Close)
		return nc
	}
	nc := connect("bench")
	ensureBenchStreams(b, nc, replicas)
	sim, err := simulated.New(simulated.Config{Seed: 1, BlockTime: 10 * time.Second, NullShare: 1})
	if err != nil {
		b.Fatal(err)
	}
	w, err := New(connect("w-1"), connect("w-1-pulse"), Config{
		Name: "w-1", Sources: map[string]source.Source{"sim": sim}, Lease: time.Second, Logger: zap.NewNop(),
	})
	if err != nil {
		b.Fatal(err)
	}
	if err := w.Start(b.Context()); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = w.Stop(context.Background()) })
	client, err := bus.NewClient(nc, bus.ClientConfig{Timeout: time.Minute})
	if err != nil {
		b.Fatal(err)
	}
	raw, err := bus.NewBatchPublisher(nc)
	if err != nil {
		b.Fatal(err)
	}
	return &spawnBench{b, w, client, raw}
}

// ensureBenchStreams makes the fleet's streams, and one like TRACKER for the ceiling.
func ensureBenchStreams(b *testing.B, nc *nats.Conn, replicas int) {
	js, err := jetstream.New(nc)
	if err != nil {
		b.Fatal(err)
	}
	for { // servers that replicate elect a leader first
		err := bus.EnsureAssets(b.Context(), js, bus.AssetsCreate, bus.AssetSettings{Replicas: replicas})
		if err == nil {
			break
		}
		if replicas == 1 {
			b.Fatal(err)
		}
		runtime.Gosched()
	}
	stream, err := js.Stream(b.Context(), bus.StreamTracker)
	if err != nil {
		b.Fatal(err)
	}
	like := stream.CachedInfo().Config
	like.Name, like.Subjects, like.Metadata = "CEILING", []string{"ceiling.>"}, nil
	if _, err := js.CreateStream(b.Context(), like); err != nil {
		b.Fatal(err)
	}
}

func (s *spawnBench) ids(from int) []bus.ID {
	ids := make([]bus.ID, spawnRound)
	for i := range ids {
		id, err := bus.ParseID(fmt.Sprintf("txn_01dp371w0fnjhf9z2tj_%07d", from+i))
		if err != nil {
			s.b.Fatal(err)
		}
		ids[i] = id
	}
	return ids
}

// batches returns what the journal publishes for starts, byte for byte as long, without any condition.
func (s *spawnBench) batches(ids []bus.ID) [][]*nats.Msg {
	var all [][]*nats.Msg
	var batch []*nats.Msg
	add := func(m bus.Message, conditions ...string) {
		header := m.Header.NATS()
		for i, length := range conditions {
			header[fmt.Sprintf("%s-%d", strings.Repeat("Condition", 4), i)] = []string{length}
		}
		batch = append(batch, &nats.Msg{Subject: strings.Replace(m.Subject, "tracker.", "ceiling.", 1), Data: m.Data, Header: header})
	}
	for _, id := range ids {
		d := tracker.Start(time.Now(), bus.StartRequest{TransactionID: id, Source: "sim"}, bus.Trace{})
		d.Next = d.Next.Owned(123456, 1)
		w, err := s.worker.transition(id.Partition(), 123456, 0, d)
		if err != nil {
			s.b.Fatal(err)
		}
		add(w.Events[0], "123456", bus.OwnerSubject(id.Partition()), "259200")
		add(w.State, "0", "0123456789012345678901.0000")
		if len(batch) == bus.MaxBatch {
			all, batch = append(all, batch), nil
		}
	}
	return all
}

// publish stores batches, as many at a time as a journal does.
func (s *spawnBench) publish(batches [][]*nats.Msg) {
	next := make(chan []*nats.Msg, len(batches))
	for _, batch := range batches {
		next <- batch
	}
	close(next)
	var all sync.WaitGroup
	for range journalLanes {
		all.Go(func() {
			for batch := range next {
				if _, err := s.raw.Publish(s.b.Context(), batch); err != nil {
					s.b.Error(err)
				}
			}
		})
	}
	all.Wait()
}

func (s *spawnBench) spawn(ids []bus.ID) {
	starts := make([]bus.StartRequest, len(ids))
	for i, id := range ids {
		starts[i] = bus.StartRequest{TransactionID: id}
	}
	if _, err := s.client.SpawnMany(s.b.Context(), starts); err != nil {
		s.b.Error(err)
	}
}

func (s *spawnBench) stop(ids []bus.ID) {
	var next atomic.Int64
	var all sync.WaitGroup
	for range stopping {
		all.Go(func() {
			for i := next.Add(1) - 1; int(i) < len(ids); i = next.Add(1) - 1 {
				_, err := s.client.Stop(s.b.Context(), bus.StopRequest{TransactionID: ids[i]})
				if err != nil && !errors.Is(err, context.Canceled) {
					s.b.Error(err)
				}
			}
		})
	}
	all.Wait()
}

package bus_test

import (
	"fmt"
	"net"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"trackerfleet/bus"
)

// startCluster runs three servers that replicate, and returns a connection to them with all streams on every one.
func startCluster(t *testing.T) *nats.Conn {
	t.Helper()
	const size = 3
	var routes []*url.URL
	var ports []int
	for range size {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		port := l.Addr().(*net.TCPAddr).Port
		ports = append(ports, port)
		routes = append(routes, &url.URL{Scheme: "nats", Host: l.Addr().String()})
		l.Close()
	}
	var urls []string
	for i := range size {
		srv, err := server.NewServer(&server.Options{
			ServerName: fmt.Sprintf("n-%d", i), Host: "127.0.0.1", Port: server.RANDOM_PORT, NoSigs: true, NoLog: true,
			JetStream: true, StoreDir: t.TempDir(), SyncAlways: true, Routes: routes,
			Cluster: server.ClusterOpts{Name: "c", Host: "127.0.0.1", Port: ports[i]},
		})
		if err != nil {
			t.Fatal(err)
		}
		srv.Start()
		t.Cleanup(func() { srv.Shutdown(); srv.WaitForShutdown() })
		if !srv.ReadyForConnections(testTimeout) {
			t.Fatal("a server did not start")
		}
		urls = append(urls, srv.ClientURL())
	}
	nc := connect(t, bus.ConnectConfig{URLs: urls})
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	await(t, func() bool { // once the servers have elected a leader
		err = bus.EnsureAssets(t.Context(), js, bus.AssetsCreate, bus.AssetSettings{Replicas: size})
		return err == nil
	})
	return nc
}

// Two journals of one owner write the same partitions at once, which a replicated stream refuses again and again as "another
// write in flight", while its leader changes.
func TestJournalOnAReplicatedStreamWithoutALeaderForLong(t *testing.T) {
	nc := startCluster(t)
	owners := claim(t, nc, "w-1")
	chains := newChains(t, 120)
	const steps, mostRounds = 6, 50
	journals := []*bus.Journal{
		runJournal(t, nc, bus.JournalConfig{Lanes: 4, AckTimeout: time.Second}),
		runJournal(t, nc, bus.JournalConfig{Lanes: 4, AckTimeout: time.Second}),
	}
	rounds := uint64(0)
	// Until both have met a change of leader, however fast the rest is.
	write := func() {
		for ; rounds < mostRounds && (journals[0].Stats().Retries == 0 || journals[1].Stats().Retries == 0); rounds++ {
			var wg sync.WaitGroup
			for i, j := range journals {
				wg.Go(func() { drive(t.Context(), j, owners, chains[i*60:i*60+60], steps) })
			}
			wg.Wait()
		}
	}
	during(write, func() {
		pause(t.Context(), 400*time.Millisecond)
		// Without a leader there is no answer; the next round asks again.
		_, _ = nc.Request("$JS.API.STREAM.LEADER.STEPDOWN."+bus.StreamTracker, nil, time.Second)
	})
	requireSteps(t, chains, steps*rounds)
	checkChains(t, bus.NewRecords(nc), chains)
	for _, j := range journals {
		if s := j.Stats(); s.Retries == 0 || s.Conflicts != 0 || s.Fenced != 0 {
			t.Errorf("got %+v, want retries and nothing refused", s)
		}
	}
}

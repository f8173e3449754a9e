package bubble

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"

	"trackerfleet/bus"
	"trackerfleet/bus/embedded"
	"trackerfleet/workers"
	"trackerfleet/workers/simulated"
	"trackerfleet/workers/source"
	"trackerfleet/workers/source/sourcetest"
)

// lease of every worker: the shipped default.
const lease = 3 * time.Second

// site is a real server on a real store, and a client of nobody's.
type site struct {
	t   *testing.T
	dir string
	nc  *nats.Conn
	js  jetstream.JetStream
	log *zap.Logger

	logged *lines // what log has written

	refused atomic.Int64 // conditional writes of workers, by the stream

	// How workers are made that join from now on.
	chain        simulated.Config                  // that they follow
	wrap         func(source.Source) source.Source // what they see of it; nil: what is there
	said         tamperer                          // with what they say; nil: nobody does
	answers      tamperer                          // with what they are told
	options      []nats.Option                     // of their connections
	pulseOptions []nats.Option                     // and of those for heartbeats alone

	mu     sync.Mutex
	server *embedded.Server // nil while it is down
	gates  []*gate
}

// longest is how long nothing takes in a bubble: an endless wait ends a test without it never, as time flies.
const longest = 30 * time.Minute

// memoryDir returns a folder for the time of a test, in memory where there is such a file system. One of a process that has its
// share of seeds is within the folder of the process that has asked for them: that one removes it though this one should die.
func memoryDir(t *testing.T) string {
	within := "/dev/shm"
	if *tallyFile != "" {
		within = filepath.Dir(*tallyFile)
	}
	dir, err := os.MkdirTemp(within, "trackerfleet-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// inBubble runs a test on a site in a bubble. Its clock begins at the time outside, because nats-server judges ages by the
// service there. The store is in memory where there is such a file system: what a power loss leaves is not the question here.
func inBubble[R any](t *testing.T, run func(*site) R) (r R) {
	dir := memoryDir(t)
	// nats.go keeps used timers in a pool. One of another bubble's must not be left: the first collection moves what is in
	// pools aside, the second drops it.
	runtime.GC()
	runtime.GC()
	birth := time.Now()
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(birth))
		endless := time.AfterFunc(longest, func() { panic("bubble: no end in sight") })
		defer endless.Stop()
		s := newSite(t, dir)
		defer s.close()
		r = run(s)
	})
	return r
}

func newSite(t *testing.T, dir string) *site {
	s := &site{t: t, dir: dir, logged: new(lines), chain: calmChain()}
	s.log = newLog(t, s.logged)
	s.startServer()
	s.nc = s.connect("client", nats.InProcessServer(s.newGate()))
	var err error
	if s.js, err = jetstream.New(s.nc); err != nil {
		t.Fatal(err)
	}
	if err := bus.EnsureAssets(t.Context(), s.js, bus.AssetsCreate, bus.AssetSettings{}); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *site) startServer() {
	server, err := embedded.Start(s.t.Context(), embedded.Config{Dir: s.dir, Port: embedded.InProcessOnly})
	if err != nil {
		s.t.Fatal(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.server = server
}

// newGate returns a way to the server that ends with it.
func (s *site) newGate() *gate {
	g := newGate(s.dial)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gates = append(s.gates, g)
	return g
}

// stopServer ends the server; its store stays. Connections are ended first and what has arrived is dealt with: while nats-server
// shuts down it sleeps with a mutex held, and whoever waited for that would stop the bubble's clock.
func (s *site) stopServer() {
	s.mu.Lock()
	server := s.server
	s.server = nil
	gates := s.gates
	s.mu.Unlock()
	for _, g := range gates {
		g.sever()
	}
	synctest.Wait()
	if err := server.Stop(context.Background()); err != nil {
		s.t.Error(err)
	}
}

// dial connects to the server that runs now.
func (s *site) dial() (net.Conn, error) {
	s.mu.Lock()
	server := s.server
	s.mu.Unlock()
	if server == nil {
		return nil, errCut
	}
	var options nats.Options
	if err := server.InProcess()(&options); err != nil {
		return nil, err
	}
	return options.InProcessServer.InProcessConn()
}

func (s *site) connect(name string, options ...nats.Option) *nats.Conn {
	nc, err := bus.Connect(s.t.Context(), bus.ConnectConfig{Name: name, Options: options})
	if err != nil {
		s.t.Fatal(err)
	}
	return nc
}

// close ends all that the site began: nothing may be left in the bubble, whose clock stands still once the test has returned. The
// server does not wait for those who flush its files, nor nats.go for who gives a consumer up, which takes up to 10 s.
func (s *site) close() {
	s.nc.Close()
	s.stopServer()
	time.Sleep(20 * time.Second)
}

// member is one life of a worker, and its way to the server.
type member struct {
	*workers.Worker
	gate      *gate
	source    *simulated.Source
	wreck     *sourcetest.Wreck // what the worker sees of it
	nc, pulse *nats.Conn
	giveUp    context.CancelFunc // ends Start, if it still runs
	started   chan struct{}      // closed when Start has returned
	err       error              // of Start; read after started
}

// join starts a worker and does not wait for it.
func (s *site) join(name string) *member {
	sim, err := simulated.New(s.chain)
	if err != nil {
		s.t.Fatal(err)
	}
	m := &member{gate: s.newGate(), source: sim, started: make(chan struct{})}
	m.gate.refused, m.gate.said, m.gate.answers = &s.refused, s.said, s.answers
	options := append([]nats.Option{nats.InProcessServer(m.gate)}, s.options...)
	m.nc = s.connect(name, options...)
	m.pulse = s.connect(name+"-pulse", slices.Concat(options, s.pulseOptions)...)
	seen := source.Source(sim)
	if s.wrap != nil {
		seen = s.wrap(sim)
	}
	m.wreck = sourcetest.NewWreck(seen)
	m.Worker, err = workers.New(m.nc, m.pulse, workers.Config{
		Name: name, Sources: map[string]source.Source{"sim": m.wreck}, Lease: lease, AllowCrash: true, Logger: s.log,
	})
	if err != nil {
		s.t.Fatal(err)
	}
	ctx, giveUp := context.WithCancel(context.Background())
	m.giveUp = giveUp
	go func() { // until it has joined, or gives up
		defer close(m.started)
		m.err = m.Start(ctx)
	}()
	return m
}

// stop stops the worker, as a process does at a signal: while it still starts, it gives that up first.
func (m *member) stop(ctx context.Context) error {
	m.giveUp()
	<-m.started
	return m.Stop(ctx)
}

func (m *member) close() {
	m.nc.Close()
	m.pulse.Close()
}

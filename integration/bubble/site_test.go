package bubble

import (
	"bytes"
	"context"
	"net"
	"os"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"trackerfleet/bus"
	"trackerfleet/bus/embedded"
	"trackerfleet/workers"
	"trackerfleet/workers/simulated"
	"trackerfleet/workers/source"
	"trackerfleet/workers/source/sourcetest"
)

// lease of every worker: the shipped default.
const lease = 3 * time.Second

// chain is what every worker follows.
var chain = simulated.Config{Seed: 1, BlockTime: 500 * time.Millisecond, Confirmations: 3}

// site is a real server on a real store, and a client of nobody's.
type site struct {
	t   *testing.T
	dir string
	nc  *nats.Conn
	js  jetstream.JetStream
	log *zap.Logger

	logged *lines // what log has written

	mutation func([]byte) []byte // of what workers say that join from now on; nil: none

	mu     sync.Mutex
	server *embedded.Server // nil while it is down
	gates  []*gate
}

// longest is how long nothing takes in a bubble: an endless wait ends a test without it never, as time flies.
const longest = 30 * time.Minute

// inBubble runs a test on a site in a bubble. Its clock begins at the time outside, because nats-server judges ages by the
// service there. The store is in memory where there is such a file system: what a power loss leaves is not the question here.
func inBubble[R any](t *testing.T, run func(*site) R) (r R) {
	dir, err := os.MkdirTemp("/dev/shm", "trackerfleet-")
	if err != nil {
		dir = t.TempDir()
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
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
	s := &site{t: t, dir: dir, logged: new(lines)}
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

// newLog returns a log that is shown when the test fails.
func newLog(t *testing.T, lines *lines) *zap.Logger {
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(lines.String())
		}
	})
	encoder := zap.NewDevelopmentEncoderConfig()
	encoder.EncodeCaller = nil
	encoder.EncodeTime = zapcore.TimeEncoderOfLayout("05.000")
	return zap.New(zapcore.NewCore(zapcore.NewConsoleEncoder(encoder), lines, zap.InfoLevel))
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

func (s *site) connect(name string, way nats.Option) *nats.Conn {
	nc, err := bus.Connect(s.t.Context(), bus.ConnectConfig{Name: name, Options: []nats.Option{way}})
	if err != nil {
		s.t.Fatal(err)
	}
	return nc
}

// close ends all that the site began: nothing may be left in the bubble. The server does not wait for those who flush its files; they
// look every millisecond whether they are still wanted, and the bubble's clock stands still once the test has returned.
func (s *site) close() {
	s.nc.Close()
	s.stopServer()
	time.Sleep(time.Second)
}

// member is one life of a worker, and its way to the server.
type member struct {
	*workers.Worker
	gate      *gate
	wreck     *sourcetest.Wreck // its source
	nc, pulse *nats.Conn
	giveUp    context.CancelFunc // ends Start, if it still runs
	started   chan struct{}      // closed when Start has returned
	err       error              // of Start; read after started
}

// join starts a worker and does not wait for it.
func (s *site) join(name string) *member {
	sim, err := simulated.New(chain)
	if err != nil {
		s.t.Fatal(err)
	}
	m := &member{gate: s.newGate(), wreck: sourcetest.NewWreck(sim), started: make(chan struct{})}
	m.gate.rewrite = s.mutation
	way := nats.InProcessServer(m.gate)
	m.nc, m.pulse = s.connect(name, way), s.connect(name+"-pulse", way)
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

// lines keeps what a log writes.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

// Sync does nothing.
func (l *lines) Sync() error { return nil }

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

package bubble

import (
	"bytes"
	"context"
	"net"
	"sync"
	"testing"
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

	mu     sync.Mutex
	server *embedded.Server // nil while it is down
}

// newSite must be called in a bubble. birth is the time outside: the bubble's clock is put there, because nats-server judges
// ages by the service outside.
func newSite(t *testing.T, dir string, birth time.Time) *site {
	time.Sleep(time.Until(birth))
	s := &site{t: t, dir: dir, log: newLog(t)}
	s.startServer()
	s.nc = s.connect("client", nats.InProcessServer(newGate(s.dial)))
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
func newLog(t *testing.T) *zap.Logger {
	var lines lines
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(lines.String())
		}
	})
	encoder := zap.NewDevelopmentEncoderConfig()
	encoder.EncodeCaller = nil
	encoder.EncodeTime = zapcore.TimeEncoderOfLayout("05.000")
	return zap.New(zapcore.NewCore(zapcore.NewConsoleEncoder(encoder), &lines, zap.InfoLevel))
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

// stopServer ends the server; its store stays.
func (s *site) stopServer() {
	s.mu.Lock()
	server := s.server
	s.server = nil
	s.mu.Unlock()
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

// close ends all that the site began: nothing may be left in the bubble.
func (s *site) close() {
	s.nc.Close()
	s.stopServer()
}

// member is one life of a worker, and its way to the server.
type member struct {
	*workers.Worker
	gate      *gate
	nc, pulse *nats.Conn
	ready     chan error // of Start
}

// join starts a worker and does not wait for it.
func (s *site) join(name string) *member {
	sim, err := simulated.New(chain)
	if err != nil {
		s.t.Fatal(err)
	}
	m := &member{gate: newGate(s.dial), ready: make(chan error, 1)}
	way := nats.InProcessServer(m.gate)
	m.nc, m.pulse = s.connect(name, way), s.connect(name+"-pulse", way)
	m.Worker, err = workers.New(m.nc, m.pulse, workers.Config{
		Name: name, Sources: map[string]source.Source{"sim": sim}, Lease: lease, AllowCrash: true, Logger: s.log,
	})
	if err != nil {
		s.t.Fatal(err)
	}
	go func() { m.ready <- m.Start(context.Background()) }() // until Stop ends it
	return m
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

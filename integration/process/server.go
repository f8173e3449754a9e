package process

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
)

// Server is a nats-server with JetStream that syncs every write, as the fleet's are configured.
type Server struct {
	*Process
	Name   string
	URL    string
	Store  string // the folder of its JetStream
	config string
	base   string // of the configuration, without what is special to a test
	clock  *Clock
}

// ServerConfig says how a server is started. The zero value starts one on loopback, on a store of its own.
type ServerConfig struct {
	Host  string // address to listen on; "": loopback
	Clock *Clock // nil: the machine's
}

// StartServer starts a nats-server on a store of its own.
func StartServer(t testing.TB) *Server {
	t.Helper()
	return StartServerWith(t, ServerConfig{})
}

// StartServerWith starts a nats-server as config says.
func StartServerWith(t testing.TB, config ServerConfig) *Server {
	t.Helper()
	s := newServer(t, config, "n1", "")
	s.Restart(t)
	return s
}

// StartConfigured starts a nats-server with further settings.
func StartConfigured(t testing.TB, further string) *Server {
	t.Helper()
	s := newServer(t, ServerConfig{}, "n1", further)
	s.Restart(t)
	return s
}

// Reload has the running server take up other further settings, and returns when it has.
func (s *Server) Reload(t testing.TB, further string) {
	t.Helper()
	s.configure(t, further)
	before := s.Said("Reloaded server configuration")
	s.Signal(t, syscall.SIGHUP)
	Await(t, patience, func() error {
		if s.Said("Reloaded server configuration") == before {
			return fmt.Errorf("the server has not reloaded: %s", s.stderr.tail(3))
		}
		return nil
	})
}

// PrepareServer does all for a nats-server but start it, which Restart does.
func PrepareServer(t testing.TB) *Server {
	t.Helper()
	return newServer(t, ServerConfig{}, "n1", "")
}

// newServer writes the configuration of a server, with further settings, and starts nothing.
func newServer(t testing.TB, set ServerConfig, name, further string) *Server {
	t.Helper()
	dir := t.TempDir()
	address := net.JoinHostPort(cmp.Or(set.Host, "127.0.0.1"), strconv.Itoa(freePort(t)))
	s := &Server{
		Name: name, URL: "nats://" + address, Store: filepath.Join(dir, "store"), config: filepath.Join(dir, "nats.conf"),
		clock: set.Clock,
	}
	s.base = fmt.Sprintf(`listen: %q
server_name: %q
jetstream { store_dir: %q, sync_interval: always }
`, address, name, s.Store)
	s.configure(t, further)
	return s
}

func (s *Server) configure(t testing.TB, further string) {
	t.Helper()
	if err := os.WriteFile(s.config, []byte(s.base+further+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
}

// Restart starts the server, on the same port and the same store, after it was killed.
func (s *Server) Restart(t testing.TB) {
	t.Helper()
	s.launch(t)
	s.awaitReady(t)
}

func (s *Server) launch(t testing.TB) {
	t.Helper()
	s.Process = StartWith(t, s.clock.follow, natsServer(t, s.clock), "-c", s.config)
}

func (s *Server) awaitReady(t testing.TB) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if _, err := s.Stderr(ctx, func(line string) bool { return strings.HasSuffix(line, "Server is ready") }); err != nil {
		t.Fatalf("nats-server: %v", err)
	}
}

// Connect returns a connection that ends with the test and comes back by itself after the server does.
func (s *Server) Connect(t testing.TB, options ...nats.Option) *nats.Conn {
	t.Helper()
	return connect(t, s.URL, options)
}

func connect(t testing.TB, url string, options []nats.Option) *nats.Conn {
	t.Helper()
	options = append([]nats.Option{
		nats.MaxReconnects(-1), nats.ReconnectWait(50 * time.Millisecond), nats.ReconnectBufSize(-1),
	}, options...)
	nc, err := nats.Connect(url, options...)
	if err != nil {
		t.Fatalf("process: connect to %s: %v", url, err)
	}
	t.Cleanup(nc.Close)
	return nc
}

// freePort returns a port that nobody listens on. It lies below the range that the kernel takes clients' ports from, so that no
// reconnecting client holds it while its server is down.
func freePort(t testing.TB) int {
	t.Helper()
	for range 100 {
		port := 10_000 + rand.IntN(20_000)
		listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			continue
		}
		if err := listener.Close(); err != nil {
			t.Fatal(err)
		}
		return port
	}
	t.Fatal("process: no free port")
	return 0
}

package integration

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"trackerfleet/integration/process"
)

// guarded is a nats-server with the shipped roles. It keeps what it refused.
type guarded struct {
	url string

	mu      sync.Mutex
	refused []string
}

// Errorf keeps what is a violation of somebody's permissions.
func (g *guarded) Errorf(format string, v ...any) {
	if line := fmt.Sprintf(format, v...); strings.Contains(line, "Violation") {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.refused = append(g.refused, line)
	}
}

// The other levels are not of interest.
func (g *guarded) Noticef(string, ...any) {}
func (g *guarded) Warnf(string, ...any)   {}
func (g *guarded) Fatalf(string, ...any)  {}
func (g *guarded) Debugf(string, ...any)  {}
func (g *guarded) Tracef(string, ...any)  {}

func (g *guarded) violations() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return append([]string(nil), g.refused...)
}

func startGuarded(t *testing.T) *guarded {
	t.Helper()
	t.Setenv("NATS_NAME", "n-1")
	t.Setenv("NATS_ROUTES", "[]")
	for _, role := range []string{"publisher", "caller", "events", "worker", "operator", "provisioner", "cluster"} {
		t.Setenv(strings.ToUpper(role)+"_PASSWORD", role)
	}
	opts, err := server.ProcessConfigFile(filepath.Join("..", "bus", "nats", "nats.conf"))
	if err != nil {
		t.Fatal(err)
	}
	opts.Host, opts.Port, opts.HTTPPort, opts.NoSigs, opts.StoreDir = "127.0.0.1", server.RANDOM_PORT, 0, true, t.TempDir()
	opts.Cluster, opts.Routes = server.ClusterOpts{}, nil
	s, err := server.NewServer(opts)
	if err != nil {
		t.Fatal(err)
	}
	g := &guarded{}
	s.SetLoggerV2(g, false, false, false)
	s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	if !s.ReadyForConnections(patience) {
		t.Fatal("the server did not start")
	}
	g.url = s.ClientURL()
	return g
}

// as sets who a tracker command is.
func (g *guarded) as(role string) func(*exec.Cmd) {
	return func(cmd *exec.Cmd) {
		cmd.Env = append(cmd.Env, "TRACKER_SERVER="+g.url, "TRACKER_USER="+role, "TRACKER_PASSWORD="+role, "TRACKER_INBOX_PREFIX=_INBOX_"+role)
	}
}

// run runs a tracker command as a role and returns what it printed.
func (g *guarded) run(t *testing.T, role string, args ...string) string {
	t.Helper()
	p := process.StartWith(t, g.as(role), process.Tracker(t), args...)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	code, err := p.Wait(ctx)
	stdout, stderr := p.Output()
	if code != 0 || err != nil {
		t.Fatalf("%s, tracker %q: exit code %d, %v\n%s", role, args, code, err, strings.Join(append(stdout, stderr...), "\n"))
	}
	return strings.Join(stdout, "\n")
}

func (g *guarded) worker(t *testing.T, name string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "tracker.yaml")
	if err := os.WriteFile(file, []byte(simulated), 0o600); err != nil {
		t.Fatal(err)
	}
	p := process.StartWith(t, g.as("worker"), process.Tracker(t),
		"worker", "--name", name, "--config", file, "--http", "127.0.0.1:0", "--lease", "2s", "--manage-assets", "verify")
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if _, err := p.Stdout(ctx, func(line string) bool { return strings.HasPrefix(line, "ready ") }); err != nil {
		t.Fatalf("worker %s: %v", name, err)
	}
}

func (g *guarded) dial(t *testing.T, role string) *nats.Conn {
	t.Helper()
	nc, err := nats.Connect(g.url, nats.UserInfo(role, role), nats.CustomInboxPrefix("_INBOX_"+role))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return nc
}

// TestRolesAreEnoughForTheFleet runs everything that a fleet does with every part in its role: nothing is refused.
func TestRolesAreEnoughForTheFleet(t *testing.T) {
	g := startGuarded(t)
	g.run(t, "provisioner", "streams", "create")
	g.run(t, "provisioner", "streams", "verify")
	g.worker(t, "w-1")

	js, err := jetstream.New(g.dial(t, "publisher"))
	if err != nil {
		t.Fatal(err)
	}
	for i := range 20 {
		if _, err := js.Publish(t.Context(), "tracker.start", fmt.Appendf(nil, `{"transaction_id":"txn-%d","params":%s}`, i, forever)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := js.Publish(t.Context(), "tracker.start", []byte("{")); err != nil { // no start
		t.Fatal(err)
	}
	g.run(t, "caller", "start", "txn-20", "--params", soon)
	process.Await(t, patience, func() error { return g.counted(t, 20) })
	for _, verb := range [][]string{{"lookup", "txn-1"}, {"call", "txn-1", "refresh"}, {"list"}, {"fleet"}, {"stop", "txn-2"}} {
		g.run(t, "caller", verb...)
	}
	if got := g.run(t, "events", "events"); strings.Count(got, `"type":"started"`) != 21 || !strings.Contains(got, "stopped") {
		t.Errorf("events:\n%s", got)
	}

	g.worker(t, "w-2")
	g.run(t, "operator", "drain", "w-1")
	if got := g.run(t, "caller", "lookup", "txn-1"); !strings.Contains(got, "w-2") {
		t.Errorf("after the drain:\n%s", got)
	}
	rejected(t, g.dial(t, "operator"))
	if refused := g.violations(); len(refused) > 0 {
		t.Errorf("refused:\n%s", strings.Join(refused, "\n"))
	}
	if _, err := g.dial(t, "caller").Request("tracker.drain", []byte(`{"worker":"w-2"}`), time.Second); err == nil {
		t.Error("a caller drained a worker")
	}
	if len(g.violations()) == 0 {
		t.Error("the server did not tell of what it refused: this test would see nothing")
	}
}

// counted returns why it is not so that n transactions are tracked.
func (g *guarded) counted(t *testing.T, n int) error {
	t.Helper()
	var page struct {
		Trackers []json.RawMessage `json:"trackers"`
	}
	if err := json.Unmarshal([]byte(g.run(t, "caller", "list", "-o", "json")), &page); err != nil {
		return err
	}
	if len(page.Trackers) < n {
		return fmt.Errorf("%d of %d are tracked", len(page.Trackers), n)
	}
	return nil
}

// rejected reads a rejected start.
func rejected(t *testing.T, nc *nats.Conn) {
	t.Helper()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	c, err := js.OrderedConsumer(t.Context(), "TRACKER_REJECTED", jetstream.OrderedConsumerConfig{FilterSubjects: []string{"tracker.rejected.>"}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Next(jetstream.FetchMaxWait(patience)); err != nil {
		t.Error(err)
	}
}

package process

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/fx"
	"go.uber.org/goleak"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest"
	"go.uber.org/zap/zaptest/observer"

	"trackerfleet/bus"
	"trackerfleet/bus/embedded"
	"trackerfleet/cmd/tracker/config"
	"trackerfleet/cmd/tracker/monitor"
	"trackerfleet/workers"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// development returns a process of its own for a test: an embedded server without a port, HTTP on a free one.
func development(t *testing.T, log *zap.Logger, names ...string) Config {
	t.Helper()
	flag := func(key, value string) config.Flag { return config.Flag{Name: config.FlagName(key), Value: value} }
	s, err := config.Load(config.Input{Role: config.RoleDev, Flags: map[string]config.Flag{
		"http": flag("http", "127.0.0.1:0"), "lease": flag("lease", "1s"), "data": flag("data", t.TempDir()),
	}})
	if err != nil {
		t.Fatal(err)
	}
	return Config{
		Settings: s, Names: names, Build: monitor.Build{Version: "0.0.1"}, Log: log, Embedded: true, InProcessOnly: true,
	}
}

func start(t *testing.T, cfg Config) *Process {
	t.Helper()
	p, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if err := p.Start(ctx); err != nil {
		t.Fatal(err)
	}
	if err := p.AwaitReady(ctx); err != nil {
		t.Fatal(errors.Join(err, p.Stop()))
	}
	return p
}

// get asks p over HTTP; code 0 means that nobody listens.
func get(t *testing.T, p *Process, path string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+p.HTTP()+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{DisableKeepAlives: true}
	resp, err := transport.RoundTrip(r)
	if err != nil {
		return 0, err.Error()
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

func TestOptions_areAGraphThatFXCanBuild(t *testing.T) {
	cfg := development(t, zap.NewNop(), "w-1")
	if err := fx.ValidateApp(options(cfg), fx.Invoke(func(*server, *web, *failure) {})); err != nil {
		t.Errorf("process: %v", err)
	}
	wcfg, err := workerConfig(cfg, "w-1")
	if err != nil {
		t.Fatal(err)
	}
	if err := fx.ValidateApp(memberOptions(wcfg, &links{}, cfg), fx.Invoke(func(*workers.Worker) {})); err != nil {
		t.Errorf("member: %v", err)
	}
}

func TestProcess_servesAndStopsInOrder(t *testing.T) {
	core, logs := observer.New(zapcore.DebugLevel)
	p := start(t, development(t, zap.New(core), "w-1", "w-2"))
	if code, body := get(t, p, "/readyz"); code != 200 || !strings.Contains(body, "w-2/heartbeat") {
		t.Errorf("readyz: %d %s", code, body)
	}
	if code, body := get(t, p, "/metrics"); code != 200 || !strings.Contains(body, `tracker_partitions_owned{worker="w-2"}`) {
		t.Errorf("metrics: %d %s", code, body)
	}
	nc, err := p.Connect(t.Context(), "test")
	if err != nil {
		t.Fatal(err)
	}
	client, err := bus.NewClient(nc, bus.ClientConfig{})
	if err != nil {
		t.Fatal(err)
	}
	id, _ := bus.ParseID("txn_1")
	if reply, err := client.Spawn(t.Context(), bus.StartRequest{TransactionID: id}); err != nil || reply.Status != bus.SpawnCreated {
		t.Errorf("spawn: %+v %v", reply, err)
	}
	nc.Close()
	if err := p.Stop(); err != nil {
		t.Errorf("stop: %v", err)
	}
	if code, _ := get(t, p, "/readyz"); code != 0 {
		t.Errorf("HTTP still answers with %d", code)
	}
	checkStopOrder(t, logs)
}

// checkStopOrder holds the hooks that fx ran at the end against the promised order.
func checkStopOrder(t *testing.T, logs *observer.ObservedLogs) {
	t.Helper()
	var stopped []string
	for _, entry := range logs.FilterMessage("OnStop hook executed").All() {
		stopped = append(stopped, entry.ContextMap()["callee"].(string))
	}
	at := func(part string) int {
		return slices.IndexFunc(stopped, func(name string) bool { return strings.Contains(name, part) })
	}
	order := []string{"workers.register", "process.(*links).drain", "process.(*members).stop", "process.(*web).stop", "process.(*server).stop"}
	for i, name := range order {
		if at(name) < 0 {
			t.Fatalf("%s was not stopped; only %q", name, stopped)
		}
		if i > 0 && at(order[i-1]) > at(name) {
			t.Errorf("%s stopped before %s: %q", name, order[i-1], stopped)
		}
	}
}

func TestProcess_thatCannotStartLeavesNothing(t *testing.T) {
	log := zaptest.NewLogger(t, zaptest.Level(zap.ErrorLevel))
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for name, tc := range map[string]struct {
		change func(*Config)
		want   error
	}{
		"HTTP port": {func(c *Config) { c.Settings.HTTP = taken.Addr().String() }, ErrPortBusy},
		"NATS port": {func(c *Config) {
			c.InProcessOnly, c.Settings.Port = false, taken.Addr().(*net.TCPAddr).Port
		}, embedded.ErrPortBusy},
		"streams": {func(c *Config) { c.Settings.ManageAssets = "verify" }, bus.ErrAssets},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := development(t, log, "w-1")
			tc.change(&cfg)
			p, err := New(cfg)
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			if err := p.Start(ctx); !errors.Is(err, tc.want) {
				t.Errorf("err = %v, want %v", err, tc.want)
			}
			if code, _ := get(t, p, "/healthz"); tc.want != ErrPortBusy && code != 0 {
				t.Error("HTTP is still served")
			}
		})
	}
}

func TestNew_refusesTwoWorkersOfOneName(t *testing.T) {
	if _, err := New(development(t, zap.NewNop(), "w-1", "w-2", "w-1")); !errors.Is(err, ErrSameName) {
		t.Errorf("err = %v", err)
	}
}

// TestProcess_givesUpWhenOneWorkerCannotJoin: the others are interrupted, not waited for.
func TestProcess_givesUpWhenOneWorkerCannotJoin(t *testing.T) {
	p, err := New(development(t, zap.NewNop(), "w-1", "not a name", "w-3"))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := p.Start(ctx); err == nil || !strings.Contains(err.Error(), "not a name") || ctx.Err() != nil {
		t.Errorf("err = %v, after %v", err, ctx.Err())
	}
	if code, _ := get(t, p, "/healthz"); code != 0 {
		t.Error("HTTP is still served")
	}
}

func TestProcess_isInterruptedWhileItWaitsForNATS(t *testing.T) {
	cfg := development(t, zap.NewNop(), "w-1")
	cfg.Embedded = false
	cfg.Settings.Server = []config.URL{"nats://127.0.0.1:1"}
	p, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	interrupted := errors.New("interrupted")
	ctx, cancel := context.WithTimeoutCause(t.Context(), 50*time.Millisecond, interrupted)
	defer cancel()
	if err := p.Start(ctx); !errors.Is(err, interrupted) {
		t.Errorf("err = %v", err)
	}
}

func TestProcess_tellsThatNATSIsGoneForGood(t *testing.T) {
	p := start(t, development(t, zap.NewNop(), "w-1"))
	p.members.running[0].links.pulse.nc.Close()
	select {
	case err := <-p.Failed():
		if !errors.Is(err, ErrConnectionLost) {
			t.Errorf("err = %v", err)
		}
		p.Fail(err)
	case <-time.After(10 * time.Second):
		t.Error("nobody noticed")
	}
	if code, body := get(t, p, "/healthz"); code != 503 {
		t.Errorf("healthz: %d %s", code, body)
	}
	_ = p.Stop() // cannot say goodbye
}

func TestTemporaryStore_isGoneAfterwards(t *testing.T) {
	cfg := development(t, zap.NewNop(), "w-1")
	cfg.Settings.Data = ""
	p := start(t, cfg)
	dir := p.Data()
	if _, err := os.Stat(dir); err != nil {
		t.Fatal(err)
	}
	if err := p.Stop(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s: %v", dir, err)
	}
}

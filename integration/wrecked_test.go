package integration

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"

	"trackerfleet/bus"
	"trackerfleet/cmd/tracker/monitor"
	"trackerfleet/integration/process"
	"trackerfleet/workers"
	simsource "trackerfleet/workers/simulated"
	"trackerfleet/workers/source"
	"trackerfleet/workers/source/sourcetest"
)

// wreckedServer makes the test binary a worker of the server whose URL it is, one whose source wrecks trackers that ask for it.
const wreckedServer = "WRECKED_WORKER_OF"

// stopTimeout is how long a wrecked worker has for leaving, as long as a shipped one.
const stopTimeout = 30 * time.Second

// startWrecked starts a worker of the fleet in a process of its own that does to its trackers what their params ask for, which no
// source of a shipped worker does. SIGUSR1 lets those go on that hang.
func (f *fleet) startWrecked(t testing.TB, name string) *process.Worker {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := process.StartWith(t, func(cmd *exec.Cmd) { cmd.Env = append(cmd.Env, wreckedServer+"="+f.server.URL) }, self, name)
	w := &process.Worker{Process: p, Name: name}
	w.AwaitReady(t)
	return w
}

// runWrecked is the main function of a wrecked worker. It returns its exit code.
func runWrecked(server, name string) int {
	log, err := zap.NewProduction()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	if err := serveWrecked(ctx, log, server, name); err != nil {
		log.Error("wrecked worker", zap.Error(err))
		return 1
	}
	return 0
}

func serveWrecked(ctx context.Context, log *zap.Logger, server, name string) error {
	var connections [2]*nats.Conn
	for i := range connections {
		nc, err := bus.Connect(ctx, bus.ConnectConfig{URLs: []string{server}, Name: name})
		if err != nil {
			return err
		}
		defer nc.Close()
		connections[i] = nc
	}
	js, err := jetstream.New(connections[0])
	if err != nil {
		return err
	}
	if err := bus.EnsureAssets(ctx, js, bus.AssetsCreate, bus.AssetSettings{}); err != nil {
		return err
	}
	sim, err := simsource.New(chain)
	if err != nil {
		return err
	}
	wreck := sourcetest.NewWreck(sim)
	go func() { // as long as the process lives
		release := make(chan os.Signal, 1)
		signal.Notify(release, syscall.SIGUSR1)
		<-release
		wreck.Release()
	}()
	w, err := workers.New(connections[0], connections[1], workers.Config{
		Name: name, Sources: map[string]source.Source{"sim": wreck}, Lease: shortLease, Logger: log,
	})
	if err != nil {
		return err
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	web := monitor.New(1, monitor.Build{})
	if err := web.Add(w); err != nil {
		return err
	}
	web.Start(l)
	if err := w.Start(ctx); err != nil {
		return err
	}
	fmt.Printf("ready worker=%s http=%s\n", name, l.Addr())
	<-ctx.Done()
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
	defer cancel()
	if err := w.Stop(ending); err != nil {
		log.Warn("stop", zap.Error(err)) // trackers that hang are reported so, too
	}
	return web.Stop(ending)
}

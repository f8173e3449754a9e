package process

import (
	"context"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"go.uber.org/fx"
	"go.uber.org/fx/fxevent"
	"go.uber.org/zap"

	"trackerfleet/bus"
	"trackerfleet/bus/embedded"
	"trackerfleet/cmd/tracker/config"
	"trackerfleet/cmd/tracker/memory"
	"trackerfleet/cmd/tracker/monitor"
)

// Config says what runs. Everything but Embedded and InProcessOnly is required.
type Config struct {
	Settings *config.Loaded
	Names    []string // of the workers
	Build    monitor.Build
	Log      *zap.Logger

	Embedded      bool // run a NATS server in this process and use that
	InProcessOnly bool // the embedded server opens no port
}

// port returns where the embedded server listens.
func (c Config) port() int {
	if c.InProcessOnly {
		return embedded.InProcessOnly
	}
	return c.Settings.Port
}

// Process is the workers of this process. Make one with [New], Start it once and, if that worked, Stop it once.
type Process struct {
	app     *fx.App
	cfg     Config
	nats    *server
	web     *web
	members *members
	failure *failure
}

// failure keeps the first reason why the process cannot go on.
type failure struct{ first chan error }

func newFailure() *failure { return &failure{first: make(chan error, 1)} }

func (f *failure) set(err error) {
	select {
	case f.first <- err:
	default:
	}
}

// New returns a process. It starts nothing. It fails with [ErrSameName] when two workers have one name.
func New(cfg Config) (*Process, error) {
	seen := make(map[string]bool, len(cfg.Names))
	for _, name := range cfg.Names {
		if seen[name] {
			return nil, fmt.Errorf("%w: %s", ErrSameName, name)
		}
		seen[name] = true
	}
	p := &Process{cfg: cfg}
	p.app = fx.New(options(cfg), fx.Populate(&p.nats, &p.web, &p.members, &p.failure))
	if err := p.app.Err(); err != nil {
		return nil, fmt.Errorf("process: wire: %w", err)
	}
	return p, nil
}

// options wires the process. Hooks are appended in the order of register's arguments and stop in the other.
func options(cfg Config) fx.Option {
	return fx.Options(
		fx.StopTimeout(cfg.Settings.StopTimeout+closeTimeout),
		fx.WithLogger(func() fxevent.Logger { return fxLogger(cfg.Log) }),
		fx.Supply(cfg),
		fx.Provide(newFailure, newServer, newWeb, newMembers),
		fx.Invoke(register),
	)
}

func register(lc fx.Lifecycle, nats *server, web *web, members *members) {
	keeper := &memory.Keeper{}
	lc.Append(fx.Hook{OnStart: keeper.Start, OnStop: keeper.Stop})
	lc.Append(fx.Hook{OnStart: nats.start, OnStop: nats.stop})
	lc.Append(fx.Hook{OnStart: web.start, OnStop: web.stop})
	lc.Append(fx.Hook{OnStart: members.start, OnStop: members.stop})
}

// Start starts everything and returns once every worker has joined the fleet. It waits for a NATS server elsewhere as long
// as ctx allows. After an error nothing is left running.
func (p *Process) Start(ctx context.Context) error { return p.app.Start(patient(ctx)) }

// callerKey is where patient keeps the context of the caller.
type callerKey struct{}

// patient returns a context for fx that does not end with ctx: when a context ends, fx abandons the hook that runs and undoes
// nothing. The hooks find ctx with [caller] and end by themselves.
func patient(ctx context.Context) context.Context {
	return context.WithValue(context.WithoutCancel(ctx), callerKey{}, ctx)
}

func caller(ctx context.Context) context.Context {
	if c, ok := ctx.Value(callerKey{}).(context.Context); ok {
		return c
	}
	return ctx
}

// readyEvery is how often readiness is looked at while it is waited for.
const readyEvery = 10 * time.Millisecond

// AwaitReady returns once /readyz would answer 200. It fails with the cause of ctx, or why the process cannot go on.
func (p *Process) AwaitReady(ctx context.Context) error {
	tick := time.NewTicker(readyEvery)
	defer tick.Stop()
	for !p.web.monitor.Report().Ready {
		select {
		case <-tick.C:
		case err := <-p.failure.first:
			p.failure.set(err)
			return err
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// Failed delivers the reason when the process cannot go on by itself; stop it then.
func (p *Process) Failed() <-chan error { return p.failure.first }

// Fail makes /healthz tell why the process goes down.
func (p *Process) Fail(err error) { p.web.monitor.Fail(err) }

// closeTimeout bounds what is left to close when the workers are gone.
const closeTimeout = 10 * time.Second

// Stop stops everything, workers first. When the stop timeout of the settings is over they leave at once, and their peers
// take over after a lease. It returns what went wrong.
func (p *Process) Stop() error {
	ctx, cancel := context.WithTimeout(context.Background(), p.app.StopTimeout())
	defer cancel()
	return p.app.Stop(ctx)
}

// NATS returns where the embedded server can be reached, "" when it cannot from outside or is elsewhere.
func (p *Process) NATS() string {
	if p.nats.running == nil {
		return ""
	}
	return p.nats.running.URL()
}

// Data returns the folder of the embedded server's store.
func (p *Process) Data() string { return p.nats.running.Dir() }

// HTTP returns the address that HTTP is served on, "" when it is not.
func (p *Process) HTTP() string { return p.web.addr }

// Connect returns a connection to the embedded server; the caller closes it before Stop.
func (p *Process) Connect(ctx context.Context, name string) (*nats.Conn, error) {
	return bus.Connect(ctx, bus.ConnectConfig{Name: name, Options: []nats.Option{p.nats.inProcess()}})
}

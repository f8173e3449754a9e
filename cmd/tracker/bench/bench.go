package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"trackerfleet/bus"
	"trackerfleet/cmd/tracker/bench/gauge"
)

// Fleet is what a bench needs of [bus.Client].
type Fleet interface {
	SpawnMany(ctx context.Context, starts []bus.StartRequest) ([]bus.SpawnReply, error)
	Call(ctx context.Context, id bus.ID, op bus.Op) (bus.CallReply, error)
	Stop(ctx context.Context, r bus.StopRequest) (bus.StopReply, error)
	Fleet(ctx context.Context) (bus.FleetReply, error)
}

// Bench is one run against an empty fleet of one worker.
type Bench struct {
	Fleet  Fleet
	Worker Process
	Server *Process // nil: it is somebody else's
	Plan   Plan

	// Client is the connection that everything is asked on. An [Echo] listens on another one, in another process.
	Client *nats.Conn

	// Reference is what the starts refer to: transactions that stay as they are, to the worker's default source.
	Reference Reference

	// Report is called now and then, from any goroutine.
	Report func(Progress)
}

// Reference is what trackers refer to.
type Reference struct {
	Name   string
	Params func(bus.ID) json.RawMessage // of the start of that transaction; the source understands them
}

// Process is a process that is measured, killed, and started again. Its metrics stay where they are.
type Process struct {
	Meter gauge.Meter
	Kill  func() error                    // as kill -9 does; returns when it is gone
	Again func(ctx context.Context) error // returns when it is ready
}

// Progress says how far the run is.
type Progress struct {
	Phase       string
	Done, Total int
}

// ErrShared is a fleet that has more than the one worker, or trackers already.
var ErrShared = errors.New("bench: the fleet is not empty, or has other workers: what is measured would not be one worker's")

// run is a Bench under way.
type run struct {
	Bench
	ids    []bus.ID
	before state   // of the worker, without trackers
	server float64 // resident bytes of the server then
	result Result
}

// Run measures everything. ctx bounds it. What it started is stopped when it returns without an error; the records stay for as long as
// the worker keeps finished ones.
func (b Bench) Run(ctx context.Context) (Result, error) {
	if err := b.Plan.Validate(); err != nil {
		return Result{}, err
	}
	ids, err := b.Plan.ids()
	if err != nil {
		return Result{}, err
	}
	r := &run{Bench: b, ids: ids, result: Result{Trackers: len(ids), Reference: b.Reference.Name}}
	for _, step := range []func(context.Context) error{
		r.alone, r.goroutineCeiling, r.start, r.hold, r.lookUp, r.crash, r.recoverWorker, r.recoverServer, r.finish,
	} {
		if err := step(ctx); err != nil {
			return Result{}, err
		}
	}
	r.shares()
	return r.result, nil
}

// alone fails with [ErrShared] unless one worker has everything and no tracker.
func (r *run) alone(ctx context.Context) error {
	fleet, err := r.Fleet.Fleet(ctx)
	if err != nil {
		return fmt.Errorf("bench: %w", err)
	}
	alive := 0
	for _, w := range fleet.Workers {
		if w.Alive {
			alive++
		}
	}
	g, err := r.read(ctx)
	if err != nil {
		return err
	}
	if alive != 1 || g.running > 0 {
		return fmt.Errorf("%w (%d workers, %.0f trackers)", ErrShared, alive, g.running)
	}
	return nil
}

func (r *run) goroutineCeiling(context.Context) error {
	n := min(max(len(r.ids), goroutineLeast), goroutineLimit)
	took, bytes := goroutines(n)
	p := phase("bare goroutines", n, took)
	r.result.Ceilings.GoroutinesPerSecond, r.result.Ceilings.GoroutineBytes, r.result.Ceilings.GoroutineCount = p.rate(), bytes, n
	r.result.Phases = append(r.result.Phases, p)
	return nil
}

func (r *run) stream(ctx context.Context) (jetstream.Stream, error) {
	js, err := jetstream.New(r.Client)
	if err != nil {
		return nil, fmt.Errorf("bench: %w", err)
	}
	s, err := js.Stream(ctx, bus.StreamTracker)
	if err != nil {
		return nil, fmt.Errorf("bench: stream %s: %w", bus.StreamTracker, err)
	}
	return s, nil
}

// shares fills in how much of the ceilings was reached.
func (r *run) shares() {
	c := r.result.Ceilings
	r.result.Shares = Shares{
		Starts:  share(r.result.StartsPerSecond, c.BatchPerSecond/2),
		Lookups: share(r.result.LookupsPerSecond, c.RequestsPerSecond),
		Journal: share(r.result.JournalPerSecond, c.BatchPerSecond),
	}
}

// journal takes in how busy the journal was between two gauges; the busiest phase counts.
func (r *run) journal(before, after state, took time.Duration) {
	if rate := (after.messages - before.messages) / took.Seconds(); rate > r.result.JournalPerSecond {
		r.result.JournalPerSecond = rate
		r.result.JournalBatch = share(after.messages-before.messages, after.batches-before.batches)
	}
}

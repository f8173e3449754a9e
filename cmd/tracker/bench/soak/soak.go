package soak

import (
	"context"
	"fmt"
	"iter"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"trackerfleet/bus"
	"trackerfleet/cmd/tracker/bench/gauge"
)

// Fleet is what a soak needs of [bus.Client].
type Fleet interface {
	SpawnMany(ctx context.Context, starts []bus.StartRequest) ([]bus.SpawnReply, error)
	StartMany(ctx context.Context, starts []bus.StartRequest) (stored int, err error)
	Lookup(ctx context.Context, id bus.ID) (bus.LookupReply, error)
	Call(ctx context.Context, id bus.ID, op bus.Op) (bus.CallReply, error)
	Stop(ctx context.Context, r bus.StopRequest) (bus.StopReply, error)
	Events(ctx context.Context, r bus.EventsRequest) iter.Seq2[*bus.Event, error]
}

// Soak is one run against an empty fleet of one worker, whose default source is a simulated chain of the plan's block time, and which
// keeps what has ended as long as the plan says.
type Soak struct {
	Fleet  Fleet
	Client *nats.Conn // to ask for the streams
	Worker gauge.Meter
	Server *Server // nil: it is somebody else's
	Plan   Plan

	Report func(Progress) // called now and then, from one goroutine
}

// Server is a server that is a process of our own.
type Server struct {
	Meter gauge.Meter
	Dir   string // of its store
}

// Progress says how far the run is.
type Progress struct {
	Phase       string
	Done, Total int // trackers, or seconds
	Counts      Counts
	Sample      Sample   // the newest
	Faults      []string // of since the last report, not all if there are many
}

// Promise is something that holds all the time, and whether it did.
type Promise struct {
	Name   string `json:"name"`
	Held   bool   `json:"held"`
	Detail string `json:"detail"`
}

// Result is what came of a soak.
type Result struct {
	Trackers  int     `json:"trackers"`
	Seconds   float64 `json:"seconds"`         // of churn
	WarmUp    float64 `json:"warm_up_seconds"` // of them, not judged
	Churn     float64 `json:"churn_per_second"`
	Retention float64 `json:"retention_seconds"`
	Tolerance float64 `json:"tolerance"`
	Counts

	Held     bool      `json:"held"`
	Figures  []Figure  `json:"figures"`
	Promises []Promise `json:"promises"`
	Faults   []string  `json:"faults,omitempty"` // the first of them
	Series   []Sample  `json:"series"`           // thinned out
}

// soak is a Soak under way.
type soak struct {
	Soak
	ledger  *ledger
	streams jetstream.JetStream
	odd     int    // starts that have not made a pair yet
	least   uint64 // messages of TRACKER without any transaction: owners and cursors of the partitions

	samples []Sample
	left    int    // messages of TRACKER when all should be forgotten, beyond least
	last    Sample // when all has ended
}

// fleetCursors is how many subjects of TRACKER belong to no partition: those of the starts, the canary and the fence.
const fleetCursors = 3

// seriesLength is how many samples a result has at most.
const seriesLength = 120

// streamPatience is how long a question for a stream's state may take: of a long run the answer counts, not the moment.
const streamPatience = 30 * time.Second

// Run starts the trackers, keeps them coming and going for the time of the plan, ends all, and judges. ctx bounds it. It fails when it
// could not measure; what goes wrong with the fleet is in the result.
func (s Soak) Run(ctx context.Context) (Result, error) {
	if err := s.Plan.Validate(); err != nil {
		return Result{}, err
	}
	streams, err := jetstream.New(s.Client, jetstream.WithDefaultTimeout(streamPatience))
	if err != nil {
		return Result{}, fmt.Errorf("soak: %w", err)
	}
	r := &soak{Soak: s, ledger: &ledger{plan: s.Plan}, streams: streams}
	state, err := r.state(ctx, bus.StreamTracker)
	if err != nil {
		return Result{}, err
	}
	r.least = max(state.Msgs, bus.Partitions) + bus.Partitions + fleetCursors
	ctx, cancel := context.WithCancelCause(ctx)
	var following sync.WaitGroup
	defer following.Wait()
	defer cancel(nil)
	following.Go(func() { r.follow(ctx, cancel, state.LastSeq+1) })
	for _, step := range []func(context.Context) error{r.fill, r.soak, r.finish, r.forget} {
		if err := step(ctx); err != nil {
			return Result{}, err
		}
	}
	return r.result()
}

// report tells how far a phase is.
func (s *soak) report(phase string, done, total int) {
	p := Progress{Phase: phase, Done: done, Total: total, Counts: s.ledger.counted(), Faults: s.ledger.untold()}
	if n := len(s.samples); n > 0 {
		p.Sample = s.samples[n-1]
	}
	s.Report(p)
}

// follow takes in all events from sequence number from on until ctx ends. If they end before, nothing can be judged any more.
func (s *soak) follow(ctx context.Context, cancel context.CancelCauseFunc, from uint64) {
	for event, err := range s.Fleet.Events(ctx, bus.EventsRequest{From: from}) {
		switch {
		case ctx.Err() != nil:
			return
		case err != nil && event != nil:
			s.ledger.wrong("event %d cannot be read: %v", event.Sequence, err)
		case err != nil:
			cancel(fmt.Errorf("soak: follow events: %w", err))
		default:
			s.ledger.observe(event, time.Now())
		}
	}
}

// soak lets everything go on for the time of the plan, and measures.
func (s *soak) soak(ctx context.Context) error {
	began := time.Now()
	until := began.Add(s.Plan.For)
	churning, cancel := context.WithCancel(ctx)
	var all sync.WaitGroup
	defer all.Wait()
	defer cancel()
	for _, c := range []struct {
		rate float64
		do   func(context.Context, int)
	}{{s.Plan.Churn, s.churn}, {s.Plan.Crashes, s.crash}, {s.Plan.Lookups, s.lookUp}} {
		all.Go(func() { paced(churning, until, c.rate, c.do) })
	}
	sampler := &sampler{soak: s, began: began, at: began}
	for {
		if err := pause(ctx, min(s.Plan.Sample, time.Until(until))); err != nil {
			return err
		}
		if !time.Now().Before(until) {
			all.Wait() // for the answers to what was asked
			return nil
		}
		v, err := sampler.sample(ctx)
		if err != nil {
			return err
		}
		s.samples = append(s.samples, v)
		s.report("soak", int(v.Seconds), int(s.Plan.For.Seconds()))
	}
}

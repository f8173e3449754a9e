package demo

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync"
	"time"

	"trackerfleet/bus"
	"trackerfleet/workers/simulated"
)

// Fleet is what a rehearsal needs of [bus.Client].
type Fleet interface {
	StartMany(ctx context.Context, starts []bus.StartRequest) (stored int, err error)
	SpawnMany(ctx context.Context, starts []bus.StartRequest) ([]bus.SpawnReply, error)
	Call(ctx context.Context, id bus.ID, op bus.Op) (bus.CallReply, error)
	Lookup(ctx context.Context, id bus.ID) (bus.LookupReply, error)
	Fleet(ctx context.Context) (bus.FleetReply, error)
	Events(ctx context.Context, r bus.EventsRequest) iter.Seq2[*bus.Event, error]
}

// Rehearsal is one run against a fleet whose store is empty and whose default source is Chain.
type Rehearsal struct {
	Fleet  Fleet
	Chain  simulated.Config
	Plan   Plan
	Report func(Progress) // called now and then, from one goroutine

	Workers int                       // of the fleet, 2 at least
	Kill    func(worker string) error // ends it as kill -9 does, and returns when it is gone
}

// Result is what came of a rehearsal.
type Result struct {
	Trackers   int `json:"trackers"`
	Duplicates int `json:"duplicates"`
	Crashed    int `json:"crashed"`
	Aftermath
	Ends     map[bus.Status]int `json:"ends"`
	Takeover Takeover           `json:"takeover"`
	Events   int                `json:"events"`
	Elapsed  bus.Duration       `json:"elapsed"`
	Held     bool               `json:"held"`
	Checks   []Check            `json:"checks"`
}

const (
	batch       = 200 // starts asked for at a time
	crashers    = 8   // crash trackers at the same time, so that few end before it is their turn
	lookups     = 100 // at the end, of trackers chosen by the plan's order
	reportEvery = 100 * time.Millisecond
	auditTime   = 15 * time.Second // for reading everything again
)

// Run starts everything, crashes the victims, kills a worker, waits for the ends, and audits. ctx bounds it; what is missing when the time is
// over is a check that did not hold. It fails when the fleet could not be asked.
func (r Rehearsal) Run(ctx context.Context) (Result, error) {
	began := time.Now()
	t, e := newTally(r.Plan), newNotes()
	err := r.awaitShares(ctx)
	if err == nil {
		err = r.act(ctx, t, e)
	}
	if err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return Result{}, err
	}
	closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), auditTime)
	defer cancel()
	evidence, err := r.collect(closing, e)
	if err != nil {
		return Result{}, err
	}
	result := Result{
		Trackers: len(r.Plan.IDs), Duplicates: r.Plan.Duplicates(), Crashed: len(evidence.Crashed), Aftermath: evidence.Aftermath(), Ends: map[bus.Status]int{},
		Events: len(evidence.Events), Elapsed: bus.Duration(time.Since(began).Round(time.Millisecond)), Held: true,
		Takeover: evidence.Strike.Takeover(), Checks: Audit(r.Plan, r.Chain, evidence),
	}
	for _, event := range evidence.Events {
		if event.Terminal() {
			result.Ends[bus.Status(event.Type)]++
		}
	}
	for _, c := range result.Checks {
		result.Held = result.Held && c.Held
	}
	return result, nil
}

// act runs until every transaction has ended and the killed worker was followed by others, something fails, or ctx ends.
func (r Rehearsal) act(ctx context.Context, t *tally, n *notes) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	victims := make(chan bus.ID, len(r.Plan.Victims))
	var all sync.WaitGroup
	run := func(what string, f func(context.Context) error) {
		all.Go(func() {
			if err := f(ctx); err != nil && ctx.Err() == nil {
				cancel(fmt.Errorf("demo: %s: %w", what, err))
			}
		})
	}
	run("follow events", func(ctx context.Context) error { return r.follow(ctx, t, victims) })
	run("start by the stream", func(ctx context.Context) error { return r.startStream(ctx, n) })
	run("start by spawn", func(ctx context.Context) error { return r.startSpawn(ctx, n) })
	for range crashers {
		run("crash", func(ctx context.Context) error { return r.crash(ctx, t, n, victims) })
	}
	replaced, finished := make(chan struct{}), make(chan struct{})
	run("kill a worker", func(ctx context.Context) error {
		defer close(replaced)
		return r.strike(ctx, t, n)
	})
	all.Go(func() {
		if both(ctx, replaced, t.done) {
			close(finished)
		}
	})
	tick := time.NewTicker(reportEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			r.Report(t.now())
			continue
		case <-finished:
			cancel(nil)
			all.Wait()
			r.Report(t.now())
			return nil
		case <-ctx.Done():
			all.Wait()
			return context.Cause(ctx)
		}
	}
}

// both waits for a and b and reports whether they came before the end of ctx.
func both(ctx context.Context, a, b <-chan struct{}) bool {
	for _, c := range []<-chan struct{}{a, b} {
		select {
		case <-c:
		case <-ctx.Done():
			return false
		}
	}
	return true
}

func (r Rehearsal) follow(ctx context.Context, t *tally, victims chan<- bus.ID) error {
	for e, err := range r.Fleet.Events(ctx, bus.EventsRequest{}) {
		if err != nil {
			return err
		}
		if t.saw(e) {
			victims <- e.TransactionID
		}
	}
	return nil
}

// requests returns the starts of ids in batches.
func requests(ids []bus.ID) iter.Seq[[]bus.StartRequest] {
	return func(yield func([]bus.StartRequest) bool) {
		for len(ids) > 0 {
			n := min(batch, len(ids))
			starts := make([]bus.StartRequest, n)
			for i, id := range ids[:n] {
				starts[i].TransactionID = id
			}
			if ids = ids[n:]; !yield(starts) {
				return
			}
		}
	}
}

func (r Rehearsal) startStream(ctx context.Context, n *notes) error {
	for starts := range requests(r.Plan.Stream) {
		stored, err := r.Fleet.StartMany(ctx, starts)
		for _, s := range starts[:stored] {
			n.accept(s.TransactionID)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (r Rehearsal) startSpawn(ctx context.Context, n *notes) error {
	for starts := range requests(r.Plan.Spawn) {
		replies, err := r.Fleet.SpawnMany(ctx, starts)
		for i, reply := range replies {
			if reply.Error == nil {
				n.accept(starts[i].TransactionID)
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// crash makes the trackers of victims panic, one after the other.
func (r Rehearsal) crash(ctx context.Context, t *tally, n *notes, victims <-chan bus.ID) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case id := <-victims:
			before, err := r.Fleet.Call(ctx, id, bus.OpState)
			if err == nil {
				_, err = r.Fleet.Call(ctx, id, bus.OpCrash)
			}
			switch {
			case errors.Is(err, bus.ErrCrashed):
				n.crash(id, before.Tracker)
				t.crashed()
			case err == nil:
				return fmt.Errorf("%s: the crash was answered as if nothing had happened", id)
			case !harmless(err) && ctx.Err() == nil:
				return err
			}
		}
	}
}

// harmless reports whether err says that the victim has ended, or that nobody knows whether it crashed: that proves nothing.
func harmless(err error) bool {
	return errors.Is(err, bus.ErrNotFound) || errors.Is(err, bus.ErrUnavailable) || errors.Is(err, bus.ErrTimeout)
}

// collect reads the whole stream again, from its beginning, and looks trackers up.
func (r Rehearsal) collect(ctx context.Context, n *notes) (Evidence, error) {
	e := n.evidence()
	for event, err := range r.Fleet.Events(ctx, bus.EventsRequest{Stored: true}) {
		if err != nil {
			return e, fmt.Errorf("demo: read the stream: %w", err)
		}
		e.Events = append(e.Events, event)
	}
	for i := 0; i < len(r.Plan.IDs); i += max(1, len(r.Plan.IDs)/lookups) {
		reply, err := r.Fleet.Lookup(ctx, r.Plan.IDs[i])
		if err != nil {
			reply.Tracker = &bus.Tracker{Status: bus.Status(bus.CodeOf(err))}
		}
		e.Lookups[r.Plan.IDs[i]] = reply.Tracker.Status
	}
	return e, nil
}

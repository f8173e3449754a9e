package cli

import (
	"bytes"
	"context"
	"errors"
	"iter"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"trackerfleet/bus"
	"trackerfleet/cmd/tracker/config"
)

func TestMain(m *testing.M) {
	if os.Getenv(asTracker) != "" {
		os.Exit(Main())
	}
	goleak.VerifyTestMain(m)
}

// fakeFleet answers what a test put there and keeps what it was asked.
type fakeFleet struct {
	mu    sync.Mutex // guards asked
	asked []any

	ack      bus.StartAck
	spawn    bus.SpawnReply
	spawnOf  func(bus.StartRequest) bus.SpawnReply
	lookup   bus.LookupReply
	lookupOf func(context.Context, bus.ID) (bus.LookupReply, error)
	drain    func(context.Context) (bus.DrainReply, error)
	call     bus.CallReply
	stop     bus.StopReply
	retry    bus.RetryReply
	pages    []bus.ListReply
	fleet    bus.FleetReply
	events   []*bus.Event
	err      map[string]error // by method
	block    bool             // Events waits for the end of its context after the last event
}

func (f *fakeFleet) note(method string, request any) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked = append(f.asked, request)
	return f.err[method]
}

func (f *fakeFleet) Start(_ context.Context, r bus.StartRequest) (bus.StartAck, error) {
	return f.ack, f.note("start", r)
}

func (f *fakeFleet) Spawn(_ context.Context, r bus.StartRequest) (bus.SpawnReply, error) {
	return f.spawn, f.note("spawn", r)
}

func (f *fakeFleet) SpawnMany(_ context.Context, starts []bus.StartRequest) ([]bus.SpawnReply, error) {
	replies := make([]bus.SpawnReply, len(starts))
	var first error
	for i, r := range starts {
		if replies[i] = f.spawnOf(r); replies[i].Error != nil && first == nil {
			first = replies[i].Error
		}
	}
	return replies, errors.Join(f.note("spawn many", starts), first)
}

func (f *fakeFleet) Lookup(ctx context.Context, id bus.ID) (bus.LookupReply, error) {
	if f.lookupOf != nil {
		return f.lookupOf(ctx, id)
	}
	return f.lookup, f.note("lookup", id)
}

func (f *fakeFleet) Call(_ context.Context, id bus.ID, op bus.Op) (bus.CallReply, error) {
	return f.call, f.note("call", bus.CallRequest{TransactionID: id, Op: op})
}

func (f *fakeFleet) Stop(_ context.Context, r bus.StopRequest) (bus.StopReply, error) {
	return f.stop, f.note("stop", r)
}

func (f *fakeFleet) Retry(_ context.Context, r bus.RetryRequest) (bus.RetryReply, error) {
	return f.retry, f.note("retry", r)
}

func (f *fakeFleet) List(_ context.Context, r bus.ListRequest) (bus.ListReply, error) {
	err := f.note("list", r)
	page := f.pages[0]
	f.pages = f.pages[1:]
	return page, err
}

func (f *fakeFleet) Fleet(context.Context) (bus.FleetReply, error) {
	return f.fleet, f.note("fleet", nil)
}

func (f *fakeFleet) Drain(ctx context.Context, worker string) (bus.DrainReply, error) {
	if err := f.note("drain", worker); err != nil {
		return bus.DrainReply{}, err
	}
	return f.drain(ctx)
}

func (f *fakeFleet) Events(ctx context.Context, r bus.EventsRequest) iter.Seq2[*bus.Event, error] {
	return func(yield func(*bus.Event, error) bool) {
		if err := f.note("events", r); err != nil {
			yield(nil, err)
			return
		}
		for _, e := range f.events {
			if !yield(e, nil) {
				return
			}
		}
		if f.block {
			<-ctx.Done()
			yield(nil, context.Cause(ctx))
		}
	}
}

// outcome is how a command line ended.
type outcome struct {
	code        int
	out, stderr string
}

// tracker runs a command line against f.
func tracker(t *testing.T, f *fakeFleet, stdin string, args ...string) outcome {
	t.Helper()
	return trackerIn(t.Context(), f, nil, stdin, args...)
}

func trackerIn(ctx context.Context, f *fakeFleet, environ []string, stdin string, args ...string) outcome {
	var out, stderr bytes.Buffer
	a := &app{in: strings.NewReader(stdin), out: &out, err: &stderr, environ: environ}
	a.dial = func(context.Context, *config.Loaded) (fleet, func(), error) { return f, func() {}, nil }
	code := a.run(ctx, args)
	return outcome{code, out.String(), stderr.String()}
}

func mustID(s string) bus.ID {
	id, err := bus.ParseID(s)
	if err != nil {
		panic(err)
	}
	return id
}

// tracked returns a tracker of txn_1 with a status.
func tracked(s bus.Status) *bus.Tracker {
	phase := bus.PhaseRunning
	if s.Terminal() {
		phase = bus.PhaseFinished
	}
	return &bus.Tracker{
		TransactionID: mustID("txn_1"), Source: "sim", Run: 2, Phase: phase, Status: s, Worker: "w-1", Partition: 85, Epoch: 1234,
		Incarnation: 2, Progress: &bus.Progress{Have: 3, Need: 12}, StartedAt: time.Unix(1, 0), Labels: map[string]string{"team": "wallet"},
	}
}

func event(eventType string, run, n uint64) *bus.Event {
	return &bus.Event{TransactionID: mustID("txn_1"), Type: eventType, Run: run, N: n, Sequence: 100 + n, Worker: "w-1", Data: []byte(`{}`)}
}

// takesAWhile leaves a test out that takes seconds and says little more than a quick one, unless it runs in CI.
func takesAWhile(t *testing.T) {
	t.Helper()
	if os.Getenv("CI") != "true" {
		t.Skip("left out because it takes a while; to run it: CI=true go test ./cmd/tracker/cli")
	}
}

package workers

import (
	"context"
	"errors"
	"testing"
	"time"
	"unsafe"

	"go.uber.org/zap"

	"trackerfleet/bus"
	"trackerfleet/supervision"
	"trackerfleet/workers/source"
	"trackerfleet/workers/tracker"
)

// bareCell is a cell of a committed record without a server, a source or a store.
func bareCell(t *testing.T, id string) *cell {
	t.Helper()
	parsed := parseID(t, id)
	record := tracker.Start(time.Now(), bus.StartRequest{TransactionID: parsed, Source: "sim"}, bus.Trace{}).Next.Owned(1, 1)
	w := &Worker{
		deadlines: newDeadlines(), stepping: newBacklog[*cell](1), rousing: newRousing(), finished: newBacklog[*cell](1),
		profiles: make(map[string]*profile), log: zap.NewNop(),
	}
	w.addProfile(&profile{name: "sim"})
	part := &partition{number: parsed.Partition(), worker: w}
	part.epoch.Store(1)
	c := &cell{part: part}
	c.commitLocked(record, 1)
	return c
}

func TestWhoAsksATrackerThatEndsIsAnsweredOnce(t *testing.T) {
	c := bareCell(t, "one")
	answers := 0
	c.ask(input{done: func(*tracker.Record, error) { answers++ }})
	c.end()
	c.close()
	c.ask(input{done: func(*tracker.Record, error) { answers++ }})
	if answers != 2 {
		t.Errorf("two who asked got %d answers", answers)
	}
}

// TestCellIsSmall: a worker holds a million, and memory comes in sizes.
func TestCellIsSmall(t *testing.T) {
	if got := unsafe.Sizeof(cell{}); got > 80 {
		t.Errorf("a cell takes %d bytes, want at most 80", got)
	}
}

// TestTrackerCanBeAskedBeforeItsServerIsMade: a name is taken before anything else happens.
func TestTrackerCanBeAskedBeforeItsServerIsMade(t *testing.T) {
	s := newSite(t)
	w := s.worker("w-1", nil)
	c := bareCell(t, "early")
	c.part = w.partitions[c.part.number]
	release := make(chan struct{})
	kind := &supervision.ChildType{Server: func(child *supervision.Child) supervision.Server {
		<-release
		return newServer(child)
	}}
	c.profileIndex = w.profiles["sim"].index
	_, target, err := w.target("sim", c.record.Load().ID(), nil)
	if err != nil {
		t.Fatal(err)
	}
	c.policy, c.onLocked().unwatched = target.Policy, &target
	started := make(chan error, 1)
	go func() {
		_, err := w.trackers.StartChild(t.Context(), supervision.ChildSpec{ID: "early", Type: kind, Arg: c})
		started <- err
	}()
	eventually(t, "the name is taken", func() bool { _, ok := w.here(c.record.Load().ID()); return ok })
	asked := make(chan map[string]any, 2)
	for _, op := range []string{"ping", "state"} {
		go func() { asked <- s.request("call", `{"transaction_id":"early","op":"`+op+`"}`) }()
	}
	eventually(t, "both wait", func() bool { return len(w.service.slots) == 2 })
	close(release)
	if err := <-started; err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if answer := <-asked; answer["status"] != "ok" {
			t.Errorf("call answered %v", answer)
		}
	}
}

// TestWorkerLeavesAloneWhatCannotBeWritten: what was asked of a tracker without a server that runs waits for the partition, once, and
// not for the worker, which would try again at once and for ever.
func TestWorkerLeavesAloneWhatCannotBeWritten(t *testing.T) {
	c := bareCell(t, "one")
	w := c.part.worker
	c.child.Store(crashed(t))
	c.part.epoch.Store(0)
	c.ask(input{decide: func(r *tracker.Record, now time.Time) tracker.Decision { return r.Stop(now, "", "test") }})
	c.Observe(source.Observation{Kind: source.Advanced, Head: 1})
	for range 3 {
		for {
			one, ok := w.stepping.next()
			if !ok {
				break
			}
			w.stepFor(t.Context(), one)
			if len(w.stepping.items) > 1 {
				t.Fatal("the worker has itself step again")
			}
		}
		c.wake()
	}
	if stalled := w.stalled.takeAll(); len(stalled) != 1 || stalled[0] != c {
		t.Errorf("%d wait for the partition, want the one tracker", len(stalled))
	}
}

// crashed returns a child whose server waits for its restart.
func crashed(t *testing.T) *supervision.Child {
	t.Helper()
	sup := supervision.New(supervision.Config{})
	t.Cleanup(func() {
		if err := sup.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	run := loop(func(ctx context.Context) error { <-ctx.Done(); return nil })
	child, err := sup.StartChild(t.Context(), supervision.ChildSpec{
		ID: "crashed", Restart: supervision.Permanent,
		Type: &supervision.ChildType{
			Process: func(*supervision.Child) supervision.Process { return run },
			Backoff: supervision.Backoff{Base: time.Hour, Cap: time.Hour},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Exit(errors.New("wonky")); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it is down", func() bool { return child.Phase() == supervision.BackingOff })
	return child
}

// stepAll has the worker step for all that wait for it.
func stepAll(t *testing.T, w *Worker) {
	t.Helper()
	for one, ok := w.stepping.next(); ok; one, ok = w.stepping.next() {
		w.stepFor(t.Context(), one)
	}
}

func TestTrackerWaitsOnceForTheWorker(t *testing.T) {
	c := bareCell(t, "one")
	c.child.Store(crashed(t))
	c.ask(input{decide: func(r *tracker.Record, now time.Time) tracker.Decision { return r.Stop(now, "", "") }})
	for head := range uint64(1000) {
		c.Observe(source.Observation{Kind: source.Advanced, Head: head + 1})
	}
	if n := len(c.part.worker.stepping.items); n != 1 {
		t.Errorf("one tracker waits %d times", n)
	}
}

// TestRequestBehindOneWhoseDecisionPanicsIsDecided, without a server that would be restarted and look.
func TestRequestBehindOneWhoseDecisionPanicsIsDecided(t *testing.T) {
	c := bareCell(t, "one")
	w := c.part.worker
	c.child.Store(crashed(t))
	in, out := make(chan struct{}), make(chan struct{})
	c.ask(input{decide: func(*tracker.Record, time.Time) tracker.Decision { close(in); <-out; panic("wonky") }})
	first, _ := w.stepping.next()
	done := make(chan struct{})
	go func() { defer close(done); w.stepFor(t.Context(), first) }()
	<-in
	decided := false
	c.ask(input{decide: func(*tracker.Record, time.Time) tracker.Decision { decided = true; return tracker.Decision{} }})
	stepAll(t, w) // while the first is decided
	close(out)
	<-done
	stepAll(t, w)
	if !decided {
		t.Error("nobody decides the second")
	}
}

// TestRequestBehindOneWhoseWriteFailsIsDecided, without a server that would be restarted and look.
func TestRequestBehindOneWhoseWriteFailsIsDecided(t *testing.T) {
	c := bareCell(t, "one")
	w := c.part.worker
	c.child.Store(crashed(t))
	c.ask(input{decide: func(r *tracker.Record, now time.Time) tracker.Decision { return r.Stop(now, "", "") }})
	first, ok := c.take(requestsOnly) // and is on its way to the journal
	if !ok {
		t.Fatal("nothing to take")
	}
	decided := false
	c.ask(input{decide: func(*tracker.Record, time.Time) tracker.Decision { decided = true; return tracker.Decision{} }})
	stepAll(t, w)
	c.complete(first, tracker.Decision{}, bus.Result{Err: errors.New("refused for what it says")})
	stepAll(t, w)
	if !decided {
		t.Error("nobody decides the second")
	}
}

package integration

import (
	"fmt"
	"maps"
	"testing"
	"time"

	"trackerfleet/integration/checker"
	"trackerfleet/integration/process"
	"trackerfleet/workers/ethereum/ethtest"
)

// jumps are how wrong a clock is, one after the other: it leaps ahead, falls back by twice as much, and is set right.
var jumps = []time.Duration{time.Hour, -time.Hour, 0}

// TestJumpsOfAWorkersClockMoveNothing sets the wall clock of one of two workers an hour ahead, an hour back and right again, under load:
// no partition changes hands, no tracker is another one, none expires early, and none late, and what has an end comes to it. Then that
// worker takes the other's trackers over with a clock that is an hour ahead, and still none expires early.
func TestJumpsOfAWorkersClockMoveNothing(t *testing.T) {
	takesAWhile(t)
	t.Parallel()
	f := newFleet(t, "w-1")
	clock := process.NewClock(t)
	config := f.workerConfig("w-2")
	config.Clock = clock
	wrong := process.StartWorker(t, config)
	f.workers = append(f.workers, wrong)
	f.awaitShared(t, f.workers...)
	l := newLoad(f.client, "clock")
	timed := watchTimed(t, l)
	again := l.startAgain(t, 8)
	stop := l.spawnLasting(t, 40)
	trackers, moves := l.lasting(t, 40), metrics(t, f.workers, "partition_moves_total")
	l.pour(t, 10*time.Millisecond, func() {
		timed.start(t, "before", 6*time.Second)
		for _, jump := range jumps {
			clock.Set(t, jump)
			timed.start(t, jump.String(), time.Second)
			again()
			l.awaitMore(t, 100)
		}
		timed.awaitShort(t)
		if got := l.lasting(t, 40); !maps.Equal(got, trackers) {
			t.Errorf("trackers are others than before the clock jumped:\n%v\n%v", trackers, got)
		}
		if got := metrics(t, f.workers, "partition_moves_total"); got != moves {
			t.Errorf("%v partitions were taken over because a clock jumped", got-moves)
		}
		clock.Set(t, time.Hour)
		f.workers[0].Kill()
		process.Await(t, patience, func() error { return f.ownsAll(wrong.Name) })
		l.awaitMore(t, 50)
	})
	timed.stopLong(t)
	stop()
	evidence := dated(t, l, wrong.Name)
	evidence["takeover by another worker"] = 0
	t.Log(l.judge(t, evidence), evidence)
	if lines := loud(f.workers...); len(lines) > 0 {
		t.Errorf("errors were logged: %q", lines)
	}
}

// TestJumpsOfTheServersClockMoveNothing sets the wall clock of the only nats-server an hour ahead, an hour back and right again, under
// load: no partition changes hands, no tracker is another one, what is started by the stream runs, new runs too, and nothing expires
// early or late.
func TestJumpsOfTheServersClockMoveNothing(t *testing.T) {
	takesAWhile(t)
	t.Parallel()
	clock := process.NewClock(t)
	f := newFleetOn(t, process.ServerConfig{Clock: clock}, "w-1", "w-2")
	f.awaitShared(t, f.workers...)
	l := newLoad(f.client, "clock")
	timed := watchTimed(t, l)
	again := l.startAgain(t, 8)
	stop := l.spawnLasting(t, 40)
	trackers, moves := l.lasting(t, 40), metrics(t, f.workers, "partition_moves_total")
	l.pour(t, 10*time.Millisecond, func() {
		timed.start(t, "before", 6*time.Second)
		for _, jump := range jumps {
			clock.Set(t, jump)
			timed.start(t, jump.String(), time.Second)
			again()
			l.awaitMore(t, 100)
		}
		timed.awaitShort(t)
	})
	if got := l.lasting(t, 40); !maps.Equal(got, trackers) {
		t.Errorf("trackers are others than before the clock jumped:\n%v\n%v", trackers, got)
	}
	if got := metrics(t, f.workers, "partition_moves_total"); got != moves {
		t.Errorf("%v partitions were taken over because the server's clock jumped", got-moves)
	}
	timed.stopLong(t)
	stop()
	evidence := stamped(t, l)
	t.Log(l.judge(t, evidence), evidence)
	if lines := loud(f.workers...); len(lines) > 0 {
		t.Errorf("errors were logged: %q", lines)
	}
}

// startAgain starts n transactions whose end comes soon, by the stream, and returns what waits for that end and starts them anew.
func (l *load) startAgain(t *testing.T, n int) (again func()) {
	t.Helper()
	run := uint64(0)
	again = func() {
		run++
		for i := range n {
			id := fmt.Sprintf("%s_again_%d", l.prefix, i)
			if run > 1 {
				l.awaitRun(t, id, run-1)
			}
			l.mu.Lock()
			l.asked[id] = soon
			l.mu.Unlock()
			body := fmt.Sprintf(`{"transaction_id":%q,"on_existing":"restart","params":%s}`, id, soon)
			if err := l.client.publish(t.Context(), "tracker.start", body); err != nil {
				t.Fatal(err)
			}
			l.note(checker.Start{ID: id, Run: run}, nil)
		}
	}
	again()
	return again
}

// awaitRun waits until a run of a transaction has finished.
func (l *load) awaitRun(t *testing.T, id string, run uint64) {
	t.Helper()
	process.Await(t, patience, func() error {
		r, err := l.client.try(t.Context(), "lookup", id)
		if err == nil && (r.Tracker.Phase != "finished" || r.Tracker.Run != run) {
			err = fmt.Errorf("lookup of %s in run %d: %s", id, run, r.body)
		}
		return err
	})
}

// off tells in which direction a time is wrong by about an hour, if it is.
func off(at, right time.Time) string {
	switch d := at.Sub(right); {
	case d > 30*time.Minute:
		return "an hour ahead"
	case d < -30*time.Minute:
		return "an hour behind"
	}
	return ""
}

// dated counts the events of a worker whose date is wrong by an hour, for a verdict.
func dated(t *testing.T, l *load, worker string) map[string]int {
	t.Helper()
	evidence := map[string]int{"event dated an hour ahead": 0, "event dated an hour behind": 0}
	history, err := checker.Read(t.Context(), l.client.js, "TRACKER")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range history.Events {
		if way := off(e.At, time.Now()); way != "" && e.Worker == worker {
			evidence["event dated "+way]++
		}
	}
	return evidence
}

// stamped counts the starts that the server has put a time on that is wrong by an hour, for a verdict.
func stamped(t *testing.T, l *load) map[string]int {
	t.Helper()
	evidence := map[string]int{"start stamped an hour ahead": 0, "start stamped an hour behind": 0}
	stream, err := l.client.js.Stream(t.Context(), "TRACKER_STARTS")
	if err != nil {
		t.Fatal(err)
	}
	for seq := stream.CachedInfo().State.FirstSeq; seq <= stream.CachedInfo().State.LastSeq; seq++ {
		m, err := stream.GetMsg(t.Context(), seq)
		if err != nil {
			t.Fatal(err)
		}
		if way := off(m.Time, time.Now()); way != "" {
			evidence["start stamped "+way]++
		}
	}
	return evidence
}

// TestClockThatIsSetBackStopsNoLookUps sets the wall clock of a worker an hour back while a transaction waits in a node's pool: that the
// node forgets it is noticed all the same.
func TestClockThatIsSetBackStopsNoLookUps(t *testing.T) {
	takesAWhile(t)
	t.Parallel()
	f := newFleet(t)
	node := ethtest.NewServer(t)
	clock := process.NewClock(t)
	config := f.workerConfig("w-1")
	config.Clock = clock
	config.YAML = fmt.Sprintf(`
default_source: eth
sources:
  eth: {kind: ethereum, chain: %q, poll: 50ms, sweep_after: 200ms, endpoints: [{url: %q}]}
`, ethtest.Chain, node.URL())
	process.StartWorker(t, config)
	tx := node.NewTx(false)
	node.Submit(tx)
	f.want(t, "created", "spawn", fmt.Sprintf(`{"transaction_id":"waiting","params":{"hash":%q}}`, tx.Hash))
	f.eventsUntil(t, "waiting", "pending")
	clock.Set(t, -time.Hour)
	node.Forget(tx)
	if e := f.last(t, "waiting", "missing"); off(e.At, time.Now()) != "an hour behind" {
		t.Errorf("the clock was not set: %s", e)
	}
}

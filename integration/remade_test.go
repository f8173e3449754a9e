package integration

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"trackerfleet/integration/checker"
	"trackerfleet/integration/process"
)

// seal makes a stream read-only and reads it to its end, so that what is written later is written elsewhere.
func (l *load) seal(t *testing.T) {
	t.Helper()
	config := l.client.streamConfig(t, "TRACKER")
	config.Sealed = true
	l.client.edit(t, config)
	process.Await(t, patience, func() (err error) {
		if l.past, err = checker.Read(t.Context(), l.client.js, "TRACKER"); err == nil {
			err = l.past.Proof
		}
		return err
	})
}

// streamConfig returns how a stream is configured.
func (c *client) streamConfig(t *testing.T, name string) jetstream.StreamConfig {
	t.Helper()
	var config jetstream.StreamConfig
	process.Await(t, patience, func() error {
		stream, err := c.js.Stream(t.Context(), name)
		if err == nil {
			config = stream.CachedInfo().Config
		}
		return err
	})
	return config
}

// edit changes the configuration of a stream, as an administrator would.
func (c *client) edit(t *testing.T, config jetstream.StreamConfig) {
	t.Helper()
	if _, err := c.js.UpdateStream(t.Context(), config); err != nil {
		t.Fatalf("edit %s: %v", config.Name, err)
	}
}

// says returns an error unless a worker is unready and says why with that text.
func says(t testing.TB, w *process.Worker, text string) error {
	status, body, err := fetch(t, w, "/readyz")
	if err == nil && (status == 200 || !strings.Contains(body, text)) {
		err = fmt.Errorf("%s does not say %q: %d %s", w.Name, text, status, body)
	}
	return err
}

// awaitAllReady waits until every worker is ready.
func awaitAllReady(t *testing.T, workers []*process.Worker) {
	t.Helper()
	for _, w := range workers {
		process.Await(t, patience, func() error { return ready(t, w) })
	}
}

// noticedWithin is how soon workers must see what was done to a stream; more than they need, as this machine may be busy.
const noticedWithin = 20 * time.Second

// TestDeletedStreamIsMadeAnewWithEveryTracker deletes the stream of records under load from workers that may make streams.
// They make it anew with sequences above all that were used, and write into it what they hold: no tracker is another
// process, events go on with the next number, no partition changes hands, and no start that has finished runs a second time.
func TestDeletedStreamIsMadeAnewWithEveryTracker(t *testing.T) {
	takesAWhile(t)
	t.Parallel()
	newLeased(t, "w-1", "w-2").outlivesItsStream(t)
}

// TestDeletedStreamOfAClusterIsMadeAnewWithEveryTracker is the same where three servers hold every stream.
func TestDeletedStreamOfAClusterIsMadeAnewWithEveryTracker(t *testing.T) {
	takesAWhile(t)
	t.Parallel()
	newClustered(t, "2s", "w-1", "w-2").outlivesItsStream(t)
}

func (f *fleet) outlivesItsStream(t *testing.T) {
	l := newLoad(f.client, "deleted")
	stop := l.spawnLasting(t, 60)
	trackers, moves := l.lasting(t, 60), metrics(t, f.workers, "partition_moves_total")
	l.pour(t, 10*time.Millisecond, func() {
		l.awaitMore(t, 100)
		l.seal(t)
		f.delete(t, "TRACKER")
		for _, w := range f.workers {
			process.Await(t, noticedWithin, func() error { return says(t, w, "stream TRACKER ") })
		}
		awaitAllReady(t, f.workers)
		l.awaitMore(t, 100)
	})
	if got := l.lasting(t, 60); !maps.Equal(got, trackers) {
		t.Errorf("trackers are others than before the stream was deleted:\n%v\n%v", trackers, got)
	}
	if got := metrics(t, f.workers, "partition_moves_total"); got != moves {
		t.Errorf("%v partitions were taken over for a fault of the stream alone", got-moves)
	}
	stop()
	rewrites := f.workers[0].Said("records were written again") + f.workers[1].Said("records were written again")
	t.Log(l.judge(t, map[string]int{"rewrite by both": rewrites / 2, "event before": len(l.past.Events)}))
}

// delete deletes a stream.
func (f *fleet) delete(t *testing.T, stream string) {
	t.Helper()
	if err := f.js.DeleteStream(t.Context(), stream); err != nil {
		t.Fatal(err)
	}
}

// TestDeletedStreamWaitsForItsOperator deletes the stream of records from workers that may make none: they say what to do
// and do not make it, answer lookups of what they hold, and refuse starts with the reason. Once an operator has made it they
// go on by themselves.
func TestDeletedStreamWaitsForItsOperator(t *testing.T) {
	takesAWhile(t)
	t.Parallel()
	f := &fleet{server: process.StartServer(t)}
	f.client = newClient(t, f.server.Connect(t))
	f.createStreams(t)
	for _, name := range []string{"w-1", "w-2"} {
		config := f.leasedConfig(name)
		config.Flags = []string{"--manage-assets", "verify"}
		f.workers = append(f.workers, process.LaunchWorker(t, config))
	}
	for _, w := range f.workers {
		w.AwaitReady(t)
	}
	f.awaitShared(t, f.workers...)
	l := newLoad(f.client, "operator")
	stop := l.spawnLasting(t, 40)
	trackers, refusals := l.lasting(t, 40), 0
	l.pour(t, 10*time.Millisecond, func() {
		l.awaitMore(t, 100)
		l.seal(t)
		f.delete(t, "TRACKER")
		for _, w := range f.workers {
			process.Await(t, noticedWithin, func() error { return says(t, w, "tracker streams create") })
		}
		r, err := f.try(t.Context(), "spawn", `{"transaction_id":"refused"}`)
		if err == nil && r.code() == 503 && strings.Contains(r.Error.Message, "stream TRACKER is missing") {
			refusals++
		} else {
			t.Errorf("spawn was answered with %s: %v", r.body, err)
		}
		if got := l.lasting(t, 40); !maps.Equal(got, trackers) {
			t.Errorf("without the stream trackers are others:\n%v\n%v", trackers, got)
		}
		if _, err := f.js.Stream(t.Context(), "TRACKER"); !errors.Is(err, jetstream.ErrStreamNotFound) {
			t.Errorf("the stream was made by somebody: %v", err)
		}
		l.awaitMore(t, 50) // starts are accepted: their own stream is there
		f.createStreams(t)
		awaitAllReady(t, f.workers)
		l.awaitMore(t, 50)
	})
	if got := l.lasting(t, 40); !maps.Equal(got, trackers) {
		t.Errorf("trackers are others than before the stream was deleted:\n%v\n%v", trackers, got)
	}
	stop()
	t.Log(l.judge(t, map[string]int{"refused spawn": refusals, "event before": len(l.past.Events)}))
}

// createStreams has an operator create the streams.
func (f *fleet) createStreams(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	p := process.Start(t, process.Tracker(t), "streams", "create", "--server", f.server.URL)
	if code, err := p.Wait(ctx); err != nil || code != 0 {
		_, stderr := p.Output()
		t.Fatalf("tracker streams create: exit code %d, %v: %q", code, err, stderr)
	}
}

// TestServerThatLostItsStoreGetsTheTrackersBack kills the server and wipes its disk: the workers freeze, and when it is back
// they make the streams and write what they hold.
func TestServerThatLostItsStoreGetsTheTrackersBack(t *testing.T) {
	takesAWhile(t)
	t.Parallel()
	f := newLeased(t, "w-1", "w-2")
	l := newLoad(f.client, "wiped")
	stop := l.spawnLasting(t, 60)
	trackers := l.lasting(t, 60)
	l.run(t, 80, func() {})
	process.Await(t, patience, l.allStarted(t)) // those that were not would be lost with their stream
	l.seal(t)
	f.server.Kill()
	for _, w := range f.workers {
		process.Await(t, noticedWithin, func() error { return says(t, w, "frozen") })
	}
	if err := os.RemoveAll(f.server.Store); err != nil {
		t.Fatal(err)
	}
	f.server.Restart(t)
	awaitAllReady(t, f.workers)
	f.awaitShared(t, f.workers...)
	l.prefix = "after"
	l.run(t, 80, func() {})
	l.prefix = "wiped"
	if got := l.lasting(t, 60); !maps.Equal(got, trackers) {
		t.Errorf("trackers are others than before the store was lost:\n%v\n%v", trackers, got)
	}
	stop()
	freezes := f.workers[0].Said("frozen") + f.workers[1].Said("frozen")
	t.Log(l.judge(t, map[string]int{"freeze": freezes, "event before": len(l.past.Events)}))
}

// allStarted returns a condition: every start that was accepted so far has its started event.
func (l *load) allStarted(t *testing.T) func() error {
	return func() error {
		history, err := checker.Read(t.Context(), l.client.js, "TRACKER")
		if err != nil {
			return err
		}
		started := make(map[string]bool)
		for _, e := range history.Events {
			started[e.ID] = true
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		for _, s := range l.accepted {
			if !started[s.ID] {
				return fmt.Errorf("%s is not started", s.ID)
			}
		}
		return nil
	}
}

// TestWhatAdministratorsChangeIsNamedAndOutlived edits the streams under load and deletes every consumer of the workers:
// they are unready while a setting is not as it must be, name it, and go on when it is.
func TestWhatAdministratorsChangeIsNamedAndOutlived(t *testing.T) {
	takesAWhile(t)
	t.Parallel()
	f := newLeased(t, "w-1", "w-2")
	l := newLoad(f.client, "edited")
	stop := l.spawnLasting(t, 40)
	trackers, moves := l.lasting(t, 40), metrics(t, f.workers, "partition_moves_total")
	named, deleted := 0, 0
	l.pour(t, 10*time.Millisecond, func() {
		for setting, edit := range map[string]func(*jetstream.StreamConfig){
			"max_msgs_per_subject is 3": func(c *jetstream.StreamConfig) { c.MaxMsgsPerSubject = 3 },
			"allow_atomic is false":     func(c *jetstream.StreamConfig) { c.AllowAtomicPublish = false },
			"subjects is ":              func(c *jetstream.StreamConfig) { c.Subjects = c.Subjects[:len(c.Subjects)-1] },
		} {
			l.awaitMore(t, 30)
			right := f.streamConfig(t, "TRACKER")
			wrong := f.streamConfig(t, "TRACKER")
			edit(&wrong)
			f.edit(t, wrong)
			for _, w := range f.workers {
				process.Await(t, noticedWithin, func() error { return says(t, w, setting) })
				named++
			}
			f.edit(t, right)
			awaitAllReady(t, f.workers)
		}
		deleted = f.deleteConsumers(t)
		l.awaitMore(t, 50)
	})
	if got := l.lasting(t, 40); !maps.Equal(got, trackers) {
		t.Errorf("trackers are others than before:\n%v\n%v", trackers, got)
	}
	if got := metrics(t, f.workers, "partition_moves_total"); got != moves {
		t.Errorf("%v partitions were taken over for a fault of the streams alone", got-moves)
	}
	stop()
	t.Log(l.judge(t, map[string]int{"named setting": named, "deleted consumer": deleted}))
}

// deleteConsumers deletes every consumer that there is of the fleet's streams, and returns how many.
func (f *fleet) deleteConsumers(t *testing.T) (n int) {
	t.Helper()
	for _, name := range []string{"TRACKER", "TRACKER_STARTS"} {
		stream, err := f.js.Stream(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		consumers := stream.ConsumerNames(t.Context())
		for consumer := range consumers.Name() {
			if err := stream.DeleteConsumer(t.Context(), consumer); err == nil {
				n++
			}
		}
		if err := consumers.Err(); err != nil {
			t.Fatal(err)
		}
	}
	return n
}

package integration

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"trackerfleet/integration/checker"
	"trackerfleet/integration/process"
)

// longTimeout is a timeout that is longer than a test and shorter than a clock is wrong by.
const longTimeout = 30 * time.Minute

// timed are trackers with a timeout whose transactions never end, and when they expired, by the test's own clock.
type timed struct {
	load *load

	mu      sync.Mutex
	asked   map[string]time.Time // by ID: when the start was about to be sent
	timeout map[string]time.Duration
	expired map[string]time.Time // when the event came
}

// watchTimed follows what expires until the test ends.
func watchTimed(t *testing.T, l *load) *timed {
	t.Helper()
	consumer, err := l.client.js.OrderedConsumer(t.Context(), "TRACKER", jetstream.OrderedConsumerConfig{
		FilterSubjects: []string{"tracker.events.*.expired.*"},
	})
	if err != nil {
		t.Fatal(err)
	}
	x := &timed{
		load: l, asked: make(map[string]time.Time), timeout: make(map[string]time.Duration), expired: make(map[string]time.Time),
	}
	following, err := consumer.Consume(func(m jetstream.Msg) {
		x.mu.Lock()
		defer x.mu.Unlock()
		x.expired[strings.Split(m.Subject(), ".")[2]] = time.Now()
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(following.Stop)
	return x
}

// start starts trackers, half of them by request and half by the stream, of which a half has the short timeout and a half a long one.
func (x *timed) start(t *testing.T, name string, short time.Duration) {
	t.Helper()
	for i := range 32 {
		id, timeout := fmt.Sprintf("%s_timed_%s_%d", x.load.prefix, strings.TrimPrefix(name, "-"), i), short
		if name[0] == '-' {
			id += "_back"
		}
		if i%4 > 1 {
			timeout = longTimeout
		}
		body := fmt.Sprintf(`{"transaction_id":%q,"timeout":%q,"params":%s}`, id, timeout, forever)
		x.mu.Lock()
		x.asked[id], x.timeout[id] = time.Now(), timeout
		x.mu.Unlock()
		x.load.mu.Lock()
		x.load.asked[id] = forever
		x.load.mu.Unlock()
		if i%2 == 0 {
			x.load.client.want(t, "created", "spawn", body)
		} else if err := x.load.client.publish(t.Context(), "tracker.start", body); err != nil {
			t.Fatal(err)
		}
		x.load.note(checker.Start{ID: id, Run: 1}, nil)
	}
}

// awaitShort waits until all with a short timeout have expired. It fails the test for each tracker that did so before its time.
func (x *timed) awaitShort(t *testing.T) {
	t.Helper()
	defer x.early(t)
	process.Await(t, patience, func() error { return x.late() })
}

// late returns which tracker with a short timeout has not expired yet.
func (x *timed) late() error {
	x.mu.Lock()
	defer x.mu.Unlock()
	for id, timeout := range x.timeout {
		if x.expired[id].IsZero() && timeout < longTimeout {
			return fmt.Errorf("%s has a timeout of %s, was started %s ago and has not expired", id, timeout, time.Since(x.asked[id]))
		}
	}
	return nil
}

// early fails the test for each tracker that expired before its timeout.
func (x *timed) early(t *testing.T) {
	t.Helper()
	x.mu.Lock()
	defer x.mu.Unlock()
	for id, at := range x.expired {
		if took := at.Sub(x.asked[id]); took < x.timeout[id] {
			t.Errorf("%s has a timeout of %s and expired after %s", id, x.timeout[id], took)
		}
	}
}

// stopLong stops all with the long timeout. It fails the test for each that has expired.
func (x *timed) stopLong(t *testing.T) {
	t.Helper()
	for id, timeout := range x.timeout {
		if timeout != longTimeout {
			continue
		}
		if r := x.load.client.ask(t, "stop", id); r.Status != "stopped" {
			t.Errorf("%s has a timeout of %s, and a stop after %s is answered with %s", id, timeout, time.Since(x.asked[id]), r.body)
		}
	}
	x.early(t)
}

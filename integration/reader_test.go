package integration

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"trackerfleet/integration/checker"
	"trackerfleet/integration/process"
)

// readers is how many services read the events of one transaction each.
const readers = 2000

// TestReadersHoldNothingUp reads events badly, under load: a client that takes nothing off its socket, thousands of consumers made
// at the same time, and one that begins when everything is over. The fleet does not notice, and the one that is far behind gets every
// event, in order.
func TestReadersHoldNothingUp(t *testing.T) {
	takesAWhile(t)
	t.Parallel()
	f := newReadSlowly(t, "w-1", "w-2")
	late := f.behind(t)
	l := newLoad(f.client, "read")
	const lasting = 20
	stop := l.spawnLasting(t, lasting)
	trackers, moves := l.lasting(t, lasting), metrics(t, f.workers, "partition_moves_total")
	dropped, made := 0, 0
	l.pour(t, 10*time.Millisecond, func() {
		l.awaitMore(t, 50)
		deaf := listenAndIgnore(t, f.server)
		made = f.consumers(t, l.prefix)
		deaf.fill(t, f)
		process.Await(t, patience, func() error { return more(f.server.Said("Slow Consumer Detected"), 0) })
		dropped = f.server.Said("Slow Consumer Detected")
		if got := l.lasting(t, lasting); !maps.Equal(got, trackers) {
			t.Errorf("trackers are others than before:\n%v\n%v", trackers, got)
		}
		l.awaitMore(t, 50)
	})
	if got := metrics(t, f.workers, "partition_moves_total"); got != moves {
		t.Errorf("%v partitions were taken over because of readers", got-moves)
	}
	for _, w := range f.workers {
		if n := w.Said("disconnected from nats"); n > 0 {
			t.Errorf("%s was disconnected %d times", w.Name, n)
		}
	}
	stop()
	t.Log(l.judge(t, map[string]int{"dropped reader": dropped, "consumer": made}))
	f.readsAll(t, late)
	if _, refused := l.count(); refused > 0 {
		t.Errorf("%d starts were not acknowledged", refused)
	}
	if lines := loud(f.workers...); len(lines) > 0 {
		t.Errorf("errors were logged: %q", lines)
	}
}

// newReadSlowly starts a server that gives a client up which takes nothing for a second, as it does by itself after ten, and workers.
func newReadSlowly(t *testing.T, names ...string) *fleet {
	t.Helper()
	f := &fleet{server: process.StartConfigured(t, `write_deadline: "1s"`)}
	f.client = newClient(t, f.server.Connect(t))
	for _, name := range names {
		f.workers = append(f.workers, process.LaunchWorker(t, f.leasedConfig(name)))
	}
	for _, w := range f.workers {
		w.AwaitReady(t)
	}
	f.awaitShared(t, f.workers...)
	return f
}

// deaf is a connection that hears of everything and reads nothing of it.
type deaf struct{ conn net.Conn }

// listenAndIgnore connects without a client, which would read.
func listenAndIgnore(t *testing.T, s *process.Server) *deaf {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.URL, "nats://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.(*net.TCPConn).SetReadBuffer(4096); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Write([]byte("CONNECT {\"verbose\":false,\"name\":\"deaf\"}\r\nSUB tracker.events.> 1\r\nSUB deaf 2\r\nPING\r\n")); err != nil {
		t.Fatal(err)
	}
	return &deaf{conn}
}

// fill sends it more than the buffers of two kernels hold.
func (d *deaf) fill(t *testing.T, f *fleet) {
	t.Helper()
	block := make([]byte, 512<<10)
	for range 64 {
		if err := f.nc.Publish("deaf", block); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.nc.FlushTimeout(patience); err != nil {
		t.Fatal(err)
	}
}

// consumers makes readers of one transaction each, many at a time, and returns how many there are. They ask for nothing.
func (f *fleet) consumers(t *testing.T, prefix string) int {
	t.Helper()
	const atOnce = 64
	ids := make(chan int)
	var all sync.WaitGroup
	for range atOnce {
		all.Go(func() {
			for i := range ids {
				ctx, cancel := context.WithTimeout(t.Context(), patience)
				_, err := f.js.CreateConsumer(ctx, "TRACKER", jetstream.ConsumerConfig{
					FilterSubject: fmt.Sprintf("tracker.events.%s_%d.>", prefix, i), AckPolicy: jetstream.AckNonePolicy,
					MemoryStorage: true, InactiveThreshold: time.Minute,
				})
				cancel()
				if err != nil {
					t.Errorf("consumer %d: %v", i, err)
				}
			}
		})
	}
	for i := range readers {
		ids <- i
	}
	close(ids)
	all.Wait()
	s, err := f.js.Stream(t.Context(), "TRACKER")
	if err != nil {
		t.Fatal(err)
	}
	if got := s.CachedInfo().State.Consumers; got < readers {
		t.Errorf("the stream has %d consumers", got)
	}
	return s.CachedInfo().State.Consumers
}

// behind makes a durable consumer of all events that nobody reads from yet.
func (f *fleet) behind(t *testing.T) jetstream.Consumer {
	t.Helper()
	c, err := f.js.CreateConsumer(t.Context(), "TRACKER", jetstream.ConsumerConfig{
		Durable: "late", FilterSubject: "tracker.events.>", DeliverPolicy: jetstream.DeliverAllPolicy, AckPolicy: jetstream.AckAllPolicy,
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// readsAll holds what a consumer delivers against every event that the stream has.
func (f *fleet) readsAll(t *testing.T, late jetstream.Consumer) {
	t.Helper()
	history, err := checker.Read(t.Context(), f.js, "TRACKER")
	if err = errors.Join(err, history.Proof); err != nil {
		t.Fatal(err)
	}
	messages, err := late.Messages()
	if err != nil {
		t.Fatal(err)
	}
	defer messages.Stop()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for i, want := range history.Events {
		msg, err := messages.Next(jetstream.NextContext(ctx))
		if err != nil {
			t.Fatalf("event %d of %d: %v", i, len(history.Events), err)
		}
		meta, err := msg.Metadata()
		if err != nil {
			t.Fatal(err)
		}
		if meta.Sequence.Stream != want.Sequence {
			t.Fatalf("event %d is at %d, delivered was %s at %d", i, want.Sequence, msg.Subject(), meta.Sequence.Stream)
		}
		if i%500 == 0 {
			if err := msg.Ack(); err != nil {
				t.Fatal(err)
			}
		}
	}
}

package bus_test

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"trackerfleet/bus"
	"trackerfleet/bus/embedded"
)

// testTimeout bounds every wait of a test for something that must happen.
const testTimeout = 30 * time.Second

// startServer runs an embedded server for the test.
func startServer(t testing.TB, cfg embedded.Config) *embedded.Server {
	t.Helper()
	if cfg.Dir == "" {
		cfg.Dir = t.TempDir()
	}
	srv, err := embedded.Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := srv.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return srv
}

// connect returns a connection with the fleet's settings that is gone, with all its goroutines, after the test.
func connect(t testing.TB, cfg bus.ConnectConfig) *nats.Conn {
	t.Helper()
	closed := make(chan struct{})
	cfg.OnClosed = func(error) { close(closed) }
	nc, err := bus.Connect(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		nc.Close()
		<-closed
	})
	return nc
}

// fleet returns a connection to a server with all streams.
func fleet(t testing.TB) *nats.Conn {
	t.Helper()
	srv := startServer(t, embedded.Config{Port: embedded.InProcessOnly})
	nc := connect(t, bus.ConnectConfig{Options: []nats.Option{srv.InProcess()}})
	createAssets(t, nc)
	return nc
}

func createAssets(t testing.TB, nc *nats.Conn) {
	t.Helper()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	if err := bus.EnsureAssets(t.Context(), js, bus.AssetsCreate, bus.AssetSettings{}); err != nil {
		t.Fatal(err)
	}
}

// runJournal returns a journal that runs until the test ends.
func runJournal(t testing.TB, nc *nats.Conn, cfg bus.JournalConfig) *bus.Journal {
	t.Helper()
	j, stop := startJournal(t, nc, cfg)
	t.Cleanup(stop)
	return j
}

// startJournal returns a journal that runs until stop.
func startJournal(t testing.TB, nc *nats.Conn, cfg bus.JournalConfig) (j *bus.Journal, stop func()) {
	t.Helper()
	j, err := bus.NewJournal(nc, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return j, run(t, j)
}

// running runs j until the test ends.
func running(t testing.TB, j *bus.Journal) {
	t.Helper()
	t.Cleanup(run(t, j))
}

// run runs j until stop.
func run(t testing.TB, j *bus.Journal) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- j.Run(ctx) }()
	return func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}

func newClaims(t testing.TB, nc *nats.Conn) *bus.Claims {
	t.Helper()
	c, err := bus.NewClaims(nc)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// claim makes worker the owner of every partition and returns the owners by partition.
func claim(t testing.TB, nc *nats.Conn, worker string) []bus.Owner {
	t.Helper()
	c := newClaims(t, nc)
	seen, err := c.Owners(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	won, lost, err := c.Claim(t.Context(), worker, worker+"-1", seen...)
	if err != nil || len(lost) > 0 {
		t.Fatalf("claim: lost %v, %v", lost, err)
	}
	return won
}

func parseID(t testing.TB, s string) bus.ID {
	t.Helper()
	id, err := bus.ParseID(s)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// transition is event n of id with the record that it leaves.
func transition(id bus.ID, owners []bus.Owner, n, expected uint64, done func(bus.Result)) bus.Write {
	p := id.Partition()
	body, _ := json.Marshal(map[string]any{"transaction_id": id, "n": n})
	return bus.Write{
		Partition: p, Epoch: owners[p].Epoch, Expected: expected, Done: done,
		Events: []bus.Message{{Subject: bus.EventSubject(id, "progress", n), Data: body}},
		State:  bus.Message{Subject: bus.StateSubject(id), Data: body},
	}
}

// write submits w and waits for its end.
func write(t testing.TB, j *bus.Journal, w bus.Write) bus.Result {
	t.Helper()
	done := make(chan bus.Result, 1)
	w.Done = func(r bus.Result) { done <- r }
	if err := j.Submit(t.Context(), w); err != nil {
		t.Fatal(err)
	}
	select {
	case r := <-done:
		return r
	case <-time.After(testTimeout):
		t.Fatal("the write did not end")
		return bus.Result{}
	}
}

func numbered(t testing.TB, i int) bus.ID { return parseID(t, fmt.Sprintf("txn_%06d", i)) }

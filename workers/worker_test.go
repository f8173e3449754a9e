package workers

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/goleak"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest"

	"trackerfleet/bus"
	"trackerfleet/bus/embedded"
	"trackerfleet/workers/simulated"
	"trackerfleet/workers/source"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// takesAWhile skips a test unless CI=true.
func takesAWhile(t *testing.T) {
	t.Helper()
	if os.Getenv("CI") != "true" {
		t.Skip("left out because it takes a while; to run it: CI=true go test ./workers")
	}
}

// site is a real server on which workers run.
type site struct {
	t      testing.TB
	server *embedded.Server
	nc     *nats.Conn
	js     jetstream.JetStream
	sim    simulated.Config
}

func newSite(t testing.TB) *site {
	t.Helper()
	ctx := t.Context()
	server, err := embedded.Start(ctx, embedded.Config{Dir: t.TempDir(), Port: embedded.InProcessOnly})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	s := &site{t: t, server: server, sim: simulated.Config{Seed: 1, BlockTime: 20 * time.Millisecond, Confirmations: 3}}
	s.nc = s.connect("test")
	if s.js, err = jetstream.New(s.nc); err != nil {
		t.Fatal(err)
	}
	if err := bus.EnsureAssets(ctx, s.js, bus.AssetsCreate, bus.AssetSettings{}); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *site) connect(name string) *nats.Conn {
	s.t.Helper()
	nc, err := bus.Connect(s.t.Context(), bus.ConnectConfig{Name: name, Options: []nats.Option{s.server.InProcess()}})
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(nc.Close)
	return nc
}

// worker starts a worker that is stopped with the test.
func (s *site) worker(name string, change func(*Config)) *Worker {
	s.t.Helper()
	sim, err := simulated.New(s.sim)
	if err != nil {
		s.t.Fatal(err)
	}
	cfg := Config{
		Name: name, Sources: map[string]source.Source{"sim": sim}, Lease: time.Second, AllowCrash: true,
		Logger: zaptest.NewLogger(s.t, zaptest.Level(zap.InfoLevel)),
	}
	if change != nil {
		change(&cfg)
	}
	w, err := New(s.connect(name), s.connect(name+"-pulse"), cfg)
	if err != nil {
		s.t.Fatal(err)
	}
	if err := w.Start(s.t.Context()); err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		if err := w.Stop(ctx); err != nil && !w.nc.IsClosed() {
			s.t.Error(err)
		}
	})
	return w
}

// request sends a request by the public subject and returns the decoded answer.
func (s *site) request(verb string, body string) map[string]any {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), 30*time.Second)
	defer cancel()
	m, err := s.nc.RequestWithContext(ctx, "tracker."+verb, []byte(body))
	if err != nil {
		s.t.Fatalf("tracker.%s %s: %v", verb, body, err)
	}
	var answer map[string]any
	if err := json.Unmarshal(m.Data, &answer); err != nil {
		s.t.Fatalf("tracker.%s %s answered %s: %v", verb, body, m.Data, err)
	}
	return answer
}

// eventTypes waits until id has a terminal event and returns the types of all its events in stream order.
func (s *site) eventTypes(id string) []string {
	s.t.Helper()
	parsed, err := bus.ParseID(id)
	if err != nil {
		s.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(s.t.Context(), 20*time.Second)
	defer cancel()
	consumer, err := s.js.OrderedConsumer(ctx, bus.StreamTracker, jetstream.OrderedConsumerConfig{
		FilterSubjects: []string{"tracker.events." + parsed.Token() + ".>"},
	})
	if err != nil {
		s.t.Fatal(err)
	}
	messages, err := consumer.Messages()
	if err != nil {
		s.t.Fatal(err)
	}
	defer messages.Stop()
	var types []string
	for {
		m, err := messages.Next(jetstream.NextContext(ctx))
		if err != nil {
			s.t.Fatalf("events of %s after %v: %v", id, types, err)
		}
		e, err := bus.ParseEvent(m.Subject(), m.Headers(), m.Data(), 1)
		if err != nil {
			s.t.Fatal(err)
		}
		if want := uint64(len(types) + 1); e.N != want {
			s.t.Fatalf("event %s of %s has number %d, want %d", e.Type, id, e.N, want)
		}
		types = append(types, e.Type)
		if e.Terminal() {
			return types
		}
	}
}

func path(v map[string]any, keys ...string) any {
	var at any = v
	for _, k := range keys {
		m, ok := at.(map[string]any)
		if !ok {
			return nil
		}
		at = m[k]
	}
	return at
}

func TestStartIsFollowedToItsEnd(t *testing.T) {
	s := newSite(t)
	s.worker("w-1", nil)
	if _, err := s.js.Publish(t.Context(), "tracker.start", []byte(`{"transaction_id":"txn_1","source":"sim"}`)); err != nil {
		t.Fatal(err)
	}
	types := s.eventTypes("txn_1")
	if types[0] != "started" || types[len(types)-1] != "confirmed" {
		t.Errorf("events are %v, want started … confirmed", types)
	}
	if got := path(s.request("lookup", "txn_1"), "tracker", "status"); got != "confirmed" {
		t.Errorf("lookup says %v, want confirmed", got)
	}
}

func TestCrashedTrackerIsFoundAgainWithItsState(t *testing.T) {
	s := newSite(t)
	s.worker("w-1", nil)
	spawned := s.request("spawn", `{"transaction_id":"txn_1","params":{"outcome":"pending"},"labels":{"team":"wallet"}}`)
	if spawned["status"] != "created" {
		t.Fatalf("spawn answered %v", spawned)
	}
	stopped := s.request("stop", `{"transaction_id":"txn_1","reason":"its_a_crash"}`)
	if stopped["status"] != "restarted" {
		t.Fatalf("stop answered %v", stopped)
	}
	found := s.request("lookup", "txn_1")
	if got := fmt.Sprint(path(found, "tracker", "incarnation"), path(found, "tracker", "labels", "team"), path(found, "tracker", "restarts")); got != "2wallet1" && got != "2 wallet 1" {
		t.Errorf("lookup answered %v", found)
	}
	eventually(t, "it is seen", func() bool { return path(s.request("lookup", "txn_1"), "tracker", "status") == "pending" })
	if got := s.request("stop", "txn_1"); got["status"] != "stopped" {
		t.Errorf("stop answered %v", got)
	}
	if types := fmt.Sprint(s.eventTypes("txn_1")); types != "[started pending restarted stopped]" && types != "[started restarted pending stopped]" {
		t.Errorf("events are %v", types)
	}
	if got := s.request("spawn", `{"transaction_id":"txn_1","params":{"outcome":"pending"},"on_existing":"restart"}`); got["status"] != "created" || path(got, "tracker", "run") != 2.0 {
		t.Errorf("spawn again answered %v", got)
	}
}

func TestUnknownIsNotFound(t *testing.T) {
	s := newSite(t)
	s.worker("w-1", nil)
	if got := s.request("lookup", "nobody"); got["status"] != "not_found" {
		t.Errorf("lookup answered %v", got)
	}
}

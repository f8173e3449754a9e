package container

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"trackerfleet/integration/checker"
	"trackerfleet/integration/process"
)

// patience is how long the fleet may take to come to rest after something was done to it.
const patience = time.Minute

// fleet talks to a project's fleet from outside, with a connection for every role that it plays.
type fleet struct {
	t                         *testing.T
	p                         *Project
	publisher, caller, events *nats.Conn
	accepted                  []string
}

func connect(t *testing.T, p *Project) *fleet {
	t.Helper()
	f := &fleet{t: t, p: p}
	f.connect()
	t.Cleanup(f.close)
	return f
}

func (f *fleet) connect() {
	f.t.Helper()
	f.publisher, f.caller, f.events = f.dial("publisher"), f.dial("caller"), f.dial("events")
}

func (f *fleet) close() {
	for _, nc := range []*nats.Conn{f.publisher, f.caller, f.events} {
		nc.Close()
	}
}

func (f *fleet) dial(role string) *nats.Conn {
	f.t.Helper()
	nc, err := nats.Connect(strings.Join(f.p.Servers(), ","),
		nats.UserInfo(role, f.p.Password(role)), nats.CustomInboxPrefix("_INBOX_"+role),
		nats.MaxReconnects(-1), nats.ReconnectWait(50*time.Millisecond), nats.RetryOnFailedConnect(true),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			if errors.Is(err, nats.ErrPermissionViolation) {
				f.t.Errorf("%s: %v", role, err)
			}
		}))
	if err != nil {
		f.t.Fatal(err)
	}
	return nc
}

// publish starts n transactions and keeps those that were acknowledged.
func (f *fleet) publish(ctx context.Context, prefix string, n int) {
	f.t.Helper()
	js, err := jetstream.New(f.publisher)
	if err != nil {
		f.t.Fatal(err)
	}
	for i := range n {
		id := fmt.Sprintf("%s-%d", prefix, i)
		body := fmt.Appendf(nil, `{"transaction_id":%q,"params":{"outcome":"confirm","confirmations":2}}`, id)
		var acked error
		process.Await(f.t, patience, func() error {
			ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
			defer cancel()
			_, acked = js.Publish(ctx, "tracker.start", body)
			return acked
		})
		f.accepted = append(f.accepted, id)
	}
}

// found is the answer to a lookup, as far as it is looked at here.
type found struct {
	Status  string
	Tracker struct{ Status, Worker string }
}

// ask sends a request as a caller, until there is an answer that is no error.
func (f *fleet) ask(ctx context.Context, subject string, body []byte, into any) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	m, err := f.caller.RequestWithContext(ctx, subject, body)
	if err != nil {
		return err
	}
	if code := m.Header.Get("Nats-Service-Error-Code"); code != "" {
		return fmt.Errorf("%s: %s %s", subject, code, m.Header.Get("Nats-Service-Error"))
	}
	return json.Unmarshal(m.Data, into)
}

func (f *fleet) lookup(ctx context.Context, id string) (r found) {
	f.t.Helper()
	process.Await(f.t, patience, func() error { return f.ask(ctx, "tracker.lookup", []byte(id), &r) })
	return r
}

// owner returns the worker that has the transaction.
func (f *fleet) owner(ctx context.Context, id string) string {
	f.t.Helper()
	return f.lookup(ctx, id).Tracker.Worker
}

// view is the fleet as one worker that answers sees it.
type view struct {
	Workers []struct {
		Worker string
		Alive  bool
	}
	Partitions []struct{ State, Worker string }
	Counts     json.RawMessage
}

// awaitAlive waits until n workers live and own every partition among them.
func (f *fleet) awaitAlive(ctx context.Context, n int) {
	f.t.Helper()
	process.Await(f.t, patience, func() error {
		var v view
		if err := f.ask(ctx, "tracker.fleet", nil, &v); err != nil {
			return err
		}
		alive := map[string]bool{}
		for _, w := range v.Workers {
			if w.Alive {
				alive[w.Worker] = true
			}
		}
		owned := 0
		for _, p := range v.Partitions {
			if p.State == "owned" && alive[p.Worker] {
				owned++
			}
		}
		return errors.Join(missingError("workers live", len(alive), n), missingError("partitions are owned by the living", owned, 256))
	})
}

// awaitGone waits until the worker owns nothing, and everything is owned.
func (f *fleet) awaitGone(ctx context.Context, worker string) {
	f.t.Helper()
	process.Await(f.t, patience, func() error {
		var v view
		if err := f.ask(ctx, "tracker.fleet", nil, &v); err != nil {
			return err
		}
		owned := 0
		for _, p := range v.Partitions {
			if p.State == "owned" && p.Worker != worker {
				owned++
			}
		}
		return missingError("partitions are owned by others", owned, 256)
	})
}

// awaitHealthy waits until n containers of the service pass their health checks.
func (f *fleet) awaitHealthy(ctx context.Context, service string, n int) {
	f.t.Helper()
	process.Await(f.t, patience, func() error {
		healthy := 0
		for _, id := range f.p.Containers(ctx, service) {
			if f.p.Docker(ctx, "inspect", "--format", "{{.State.Health.Status}}", id) == "healthy" {
				healthy++
			}
		}
		return missingError("containers of "+service+" are healthy", healthy, n)
	})
}

// kill kills the container in which the worker runs.
func (f *fleet) kill(ctx context.Context, worker string) {
	f.t.Helper()
	f.p.Docker(ctx, "kill", "--signal", "KILL", f.container(ctx, worker))
}

// disconnect takes the container in which the worker runs off the network, until heal is called.
func (f *fleet) disconnect(ctx context.Context, worker string) (heal func()) {
	f.t.Helper()
	network, id := f.p.Network(), f.container(ctx, worker)
	f.p.Docker(ctx, "network", "disconnect", network, id)
	return func() { f.p.Docker(ctx, "network", "connect", network, id) }
}

// container returns that in which the worker runs.
func (f *fleet) container(ctx context.Context, worker string) string {
	f.t.Helper()
	for _, id := range f.p.Containers(ctx, "worker") {
		if strings.Contains(f.p.Docker(ctx, "logs", id), "ready worker="+worker+" ") {
			return id
		}
	}
	f.t.Fatalf("no container runs worker %q", worker)
	return ""
}

// awaitFinished waits until every accepted start has come to its end.
func (f *fleet) awaitFinished(ctx context.Context) {
	f.t.Helper()
	process.Await(f.t, patience, func() error {
		ended := map[string]bool{}
		for _, e := range f.history(ctx).Events {
			if e.Terminal() {
				ended[e.ID] = true
			}
		}
		return missingError("transactions have ended", len(ended), len(f.accepted))
	})
}

// history reads all events with what the role of a reader may do.
func (f *fleet) history(ctx context.Context) (h checker.History) {
	f.t.Helper()
	process.Await(f.t, patience, func() error {
		ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
		defer cancel()
		var err error
		h, err = f.read(ctx)
		return err
	})
	return h
}

func (f *fleet) read(ctx context.Context) (h checker.History, err error) {
	js, err := jetstream.New(f.events)
	if err != nil {
		return h, err
	}
	consumer, err := js.CreateConsumer(ctx, "TRACKER", jetstream.ConsumerConfig{
		FilterSubject: "tracker.events.>", AckPolicy: jetstream.AckNonePolicy, InactiveThreshold: 10 * time.Second, MemoryStorage: true,
	})
	if err != nil {
		return h, err
	}
	want := int(consumer.CachedInfo().NumPending)
	for len(h.Events) < want {
		batch, err := consumer.Fetch(want-len(h.Events), jetstream.FetchContext(ctx))
		if err != nil {
			return h, err
		}
		for m := range batch.Messages() {
			meta, err := m.Metadata()
			if err != nil {
				return h, err
			}
			h.Events = append(h.Events, checker.ParseEvent(meta.Sequence.Stream, m.Subject(), m.Headers(), m.Data()))
		}
		if err := errors.Join(batch.Error(), ctx.Err()); err != nil {
			return h, err
		}
	}
	return h, nil
}

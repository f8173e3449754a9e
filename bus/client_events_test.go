package bus_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"trackerfleet/bus"
	"trackerfleet/bus/embedded"
)

var eventTime = time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)

// emit stores event n of a run of id and returns its sequence.
func emit(t testing.TB, nc *nats.Conn, id bus.ID, typ string, n, run uint64) uint64 {
	t.Helper()
	body, err := bus.EventBody(id, typ, n, run, eventTime, nil, map[string]any{"text": typ})
	if err != nil {
		t.Fatal(err)
	}
	return store(t, nc, &nats.Msg{
		Subject: bus.EventSubject(id, typ, n), Data: body,
		Header: bus.EventHeader("test", id, typ, n, eventTime, 7, n, "w-1", bus.Trace{}).NATS(),
	})
}

func store(t testing.TB, nc *nats.Conn, m *nats.Msg) uint64 {
	t.Helper()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	ack, err := js.PublishMsg(t.Context(), m)
	if err != nil {
		t.Fatal(err)
	}
	return ack.Sequence
}

// read returns the events of r as "<id>/<type>/<n>".
func read(ctx context.Context, c *bus.Client, r bus.EventsRequest, most int) (all []string, err error) {
	for e, err := range c.Events(ctx, r) {
		if err != nil {
			return all, err
		}
		all = append(all, fmt.Sprintf("%s/%s/%d", e.TransactionID, e.Type, e.N))
		if len(all) == most {
			break
		}
	}
	return all, nil
}

func wantEvents(t testing.TB, got []string, err error, want ...string) {
	t.Helper()
	if err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %v, %v, want %v", got, err, want)
	}
}

func TestEventsReadWhatIsAskedFor(t *testing.T) {
	nc := fleet(t)
	c := newClient(t, nc, quick)
	a, b := parseID(t, "a"), parseID(t, "b.*")
	all := func(r bus.EventsRequest) ([]string, error) {
		r.Stored = true
		return read(within(t, testTimeout), c, r, -1)
	}
	got, err := all(bus.EventsRequest{})
	wantEvents(t, got, err)
	emit(t, nc, a, "started", 1, 1)
	second := emit(t, nc, b, "started", 1, 1)
	emit(t, nc, a, "pending", 2, 1)
	emit(t, nc, a, "confirmed", 3, 1)
	got, err = all(bus.EventsRequest{})
	wantEvents(t, got, err, "a/started/1", "b.*/started/1", "a/pending/2", "a/confirmed/3")
	got, err = all(bus.EventsRequest{TransactionID: b})
	wantEvents(t, got, err, "b.*/started/1")
	got, err = all(bus.EventsRequest{Type: "started"})
	wantEvents(t, got, err, "a/started/1", "b.*/started/1")
	got, err = all(bus.EventsRequest{TransactionID: a, From: second})
	wantEvents(t, got, err, "a/pending/2", "a/confirmed/3")
	got, err = all(bus.EventsRequest{TransactionID: parseID(t, "c")})
	wantEvents(t, got, err)
	got, err = all(bus.EventsRequest{New: true})
	wantEvents(t, got, err)
	_, err = all(bus.EventsRequest{Type: "*"})
	wantOnly(t, err, bus.ErrInvalid)
	_, err = read(within(t, 50*time.Millisecond), c, bus.EventsRequest{New: true}, -1)
	wantOnly(t, err, bus.ErrTimeout)
}

func TestEventsFollowAndForgetTheirConsumers(t *testing.T) {
	nc := fleet(t)
	c := newClient(t, nc, quick)
	id := parseID(t, "t")
	emit(t, nc, id, "started", 1, 1)
	ctx := within(t, testTimeout)
	var got []string
	for e, err := range c.Events(ctx, bus.EventsRequest{}) {
		if err != nil {
			t.Fatal(err)
		}
		if e.Worker != "w-1" || e.Epoch != 7 || e.Incarnation != e.N || !e.At.Equal(eventTime) || e.Run != 1 {
			t.Errorf("got %+v", e)
		}
		if got = append(got, e.Type); e.N == 4 {
			break
		}
		emit(t, nc, id, "progress", e.N+1, 1)
	}
	if len(got) != 4 {
		t.Errorf("got %v", got)
	}
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	poll(t, func() bool {
		stream, err := js.Stream(ctx, bus.StreamTracker)
		return err == nil && stream.CachedInfo().State.Consumers == 0
	})
}

func TestEventsPassOnWhatCannotBeRead(t *testing.T) {
	nc := fleet(t)
	c := newClient(t, nc, quick)
	id := parseID(t, "t")
	emit(t, nc, id, "started", 1, 1)
	bad := store(t, nc, &nats.Msg{Subject: bus.EventSubject(id, "pending", 2), Data: []byte("garbage")})
	emit(t, nc, id, "confirmed", 3, 1)
	var good, faulty int
	for e, err := range c.Events(within(t, testTimeout), bus.EventsRequest{Stored: true}) {
		switch {
		case err == nil:
			good++
		case errors.Is(err, bus.ErrInvalid) && e != nil && e.Sequence == bad && string(e.Data) == "garbage":
			faulty++
		default:
			t.Fatal(err)
		}
	}
	if good != 2 || faulty != 1 {
		t.Errorf("%d good, %d faulty", good, faulty)
	}
}

func freePort(t testing.TB) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

func TestEventsSurviveTheServer(t *testing.T) {
	cfg := embedded.Config{Dir: t.TempDir(), Port: freePort(t)}
	srv := startServer(t, cfg)
	nc := connect(t, bus.ConnectConfig{URLs: []string{"nats://127.0.0.1:" + strconv.Itoa(cfg.Port)}})
	createAssets(t, nc)
	c, id := newClient(t, nc, quick), parseID(t, "t")
	emit(t, nc, id, "started", 1, 1)
	ctx := within(t, testTimeout)
	next := uint64(1)
	for e, err := range c.Events(ctx, bus.EventsRequest{TransactionID: id}) {
		if err != nil {
			t.Fatal(err)
		}
		if e.N != next {
			t.Fatalf("event %d, want %d", e.N, next)
		}
		if next++; next > 4 {
			break
		}
		if err := srv.Stop(ctx); err != nil {
			t.Fatal(err)
		}
		srv = startServer(t, cfg)
		poll(t, nc.IsConnected)
		emit(t, nc, id, "progress", next, 1)
	}
	if next != 5 {
		t.Errorf("read up to event %d", next-1)
	}
}

func TestEventsWithoutAStream(t *testing.T) {
	srv := startServer(t, embedded.Config{Port: embedded.InProcessOnly})
	nc := connect(t, bus.ConnectConfig{Options: []nats.Option{srv.InProcess()}})
	for _, r := range []bus.EventsRequest{{}, {New: true}} {
		_, err := read(within(t, testTimeout), newClient(t, nc, quick), r, -1)
		wantOnly(t, err, bus.ErrUnavailable)
	}
}

package bus_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"trackerfleet/bus"
	"trackerfleet/bus/embedded"
)

func starts(t testing.TB, n int) []bus.StartRequest {
	t.Helper()
	all := make([]bus.StartRequest, n)
	for i := range all {
		all[i] = bus.StartRequest{TransactionID: numbered(t, i), Source: "sim"}
	}
	return all
}

func storedStarts(t testing.TB, nc *nats.Conn) jetstream.StreamState {
	t.Helper()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	stream, err := js.Stream(t.Context(), bus.StreamStarts)
	if err != nil {
		t.Fatal(err)
	}
	return stream.CachedInfo().State
}

func TestStartIsStoredWhenItReturns(t *testing.T) {
	trace := bus.Trace{Parent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", State: "k=v"}
	nc := fleet(t)
	c := newClient(t, nc, quick)
	ack, err := c.Start(t.Context(), bus.StartRequest{TransactionID: parseID(t, "a b"), Timeout: bus.Duration(time.Hour), Trace: trace})
	if err != nil || ack.Sequence != 1 || ack.Stream != bus.StreamStarts {
		t.Fatalf("got %+v, %v", ack, err)
	}
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	stream, err := js.Stream(t.Context(), bus.StreamStarts)
	if err != nil {
		t.Fatal(err)
	}
	m, err := stream.GetMsg(t.Context(), ack.Sequence)
	if err != nil {
		t.Fatal(err)
	}
	got, err := bus.DecodeStart(m.Subject, m.Data)
	if err != nil || got.TransactionID.String() != "a b" || got.Timeout != bus.Duration(time.Hour) || bus.TraceOf(m.Header) != trace {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestStartManyStoresAllInOrder(t *testing.T) {
	nc := fleet(t)
	c := newClient(t, nc, bus.ClientConfig{})
	const n = 2500
	stored, err := c.StartMany(t.Context(), starts(t, n))
	if err != nil || stored != n {
		t.Fatalf("stored %d, %v", stored, err)
	}
	if state := storedStarts(t, nc); state.Msgs != n || state.LastSeq != n {
		t.Errorf("stream has %d starts up to %d", state.Msgs, state.LastSeq)
	}
	if stored, err := c.StartMany(t.Context(), nil); stored != 0 || err != nil {
		t.Errorf("none: stored %d, %v", stored, err)
	}
}

func TestStartManyChecksAllBeforeTheFirst(t *testing.T) {
	nc := fleet(t)
	c := newClient(t, nc, quick)
	all := starts(t, 1200)
	all[7].Restart, all[1100].Labels = "often", map[string]string{"a b": "x"}
	stored, err := c.StartMany(t.Context(), all)
	wantOnly(t, err, bus.ErrInvalid)
	var wire *bus.Error
	if !errors.As(err, &wire) || len(wire.Details) != 2 || wire.Details[0].Field != "starts[7].restart" ||
		wire.Details[1].Field != `starts[1100].labels["a b"]` {
		t.Errorf("got %+v", wire)
	}
	if state := storedStarts(t, nc); stored != 0 || state.Msgs != 0 {
		t.Errorf("%d starts were stored", state.Msgs)
	}
}

func TestStartSaysThatTheStreamIsFull(t *testing.T) {
	srv := startServer(t, embedded.Config{Port: embedded.InProcessOnly})
	nc := connect(t, bus.ConnectConfig{Options: []nats.Option{srv.InProcess()}})
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	c := newClient(t, nc, quick)
	_, err = c.Start(within(t, 300*time.Millisecond), starts(t, 1)[0])
	wantOnly(t, err, bus.ErrUnavailable) // there is no stream

	if err := bus.EnsureAssets(t.Context(), js, bus.AssetsCreate, bus.AssetSettings{MaxStartsBytes: 4096}); err != nil {
		t.Fatal(err)
	}
	stored, err := c.StartMany(within(t, 500*time.Millisecond), starts(t, 1000))
	wantOnly(t, err, bus.ErrOverloaded)
	if stored != 0 {
		t.Errorf("stored %d", stored)
	}
	for err = nil; err == nil; {
		_, err = c.Start(within(t, 500*time.Millisecond), starts(t, 1)[0])
	}
	wantOnly(t, err, bus.ErrOverloaded)
}

func TestSpawnManyAnswersEachStart(t *testing.T) {
	nc := fleet(t)
	c := newClient(t, nc, quick)
	var requests, items atomic.Int64
	refused := numbered(t, 17)
	serve(t, nc, bus.SubjectSpawn, func(m *nats.Msg) any {
		requests.Add(1)
		r, err := bus.DecodeSpawn(m.Data)
		if err != nil || !r.Bulk {
			t.Errorf("request: bulk %t, %v", r.Bulk, err)
		}
		var reply bus.SpawnManyReply
		for _, item := range r.Items {
			switch n := items.Add(1); {
			case item.Err != nil:
				t.Error(item.Err)
			case item.Start.TransactionID == refused:
				reply.Items = append(reply.Items, bus.SpawnReply{Status: bus.SpawnError, Error: bus.Conflict("source")})
			case n%10 == 0: // its partition has no owner now
				reply.Items = append(reply.Items, bus.SpawnReply{Status: bus.SpawnError, Error: bus.WireError(bus.ErrUnavailable)})
			default:
				full := tracker(item.Start.TransactionID)
				full.Meta = json.RawMessage(`{"a":1}`)
				reply.Items = append(reply.Items, bus.SpawnReply{Status: bus.SpawnCreated, Tracker: full})
			}
		}
		return reply.Trim()
	})
	const n = 2500
	replies, err := c.SpawnMany(within(t, testTimeout), starts(t, n))
	wantOnly(t, err, bus.ErrConflict)
	if len(replies) != n {
		t.Fatalf("%d replies", len(replies))
	}
	for i, r := range replies {
		if id := numbered(t, i); id == refused {
			if !errors.Is(r.Error, bus.ErrConflict) {
				t.Errorf("reply %d: %+v", i, r)
			}
		} else if r.Status != bus.SpawnCreated || r.Tracker == nil || r.Tracker.TransactionID != id || r.Tracker.Meta != nil {
			t.Fatalf("reply %d: %+v", i, r)
		}
	}
}

func TestSpawnManyOfABadServer(t *testing.T) {
	nc := fleet(t)
	c := newClient(t, nc, quick)
	all := starts(t, 3)
	all[1].Source = "no name"
	replies, err := c.SpawnMany(within(t, 300*time.Millisecond), all)
	// The last attempt may be cut off by the deadline; then nobody knows whether it was heard.
	nobody := errors.Is(replies[0].Error, bus.ErrUnavailable) || errors.Is(replies[0].Error, bus.ErrTimeout)
	if !nobody || !errors.Is(replies[1].Error, bus.ErrInvalid) || err == nil {
		t.Errorf("nobody there: %+v, %v", replies, err)
	}
	serve(t, nc, bus.SubjectSpawn, func(*nats.Msg) any {
		return json.RawMessage(`{"items":[{"status":"created"}]}`)
	})
	replies, err = c.SpawnMany(within(t, testTimeout), all)
	if !errors.Is(replies[2].Error, bus.ErrInternal) || err == nil {
		t.Errorf("too few answers: %+v, %v", replies, err)
	}
	replies, err = c.SpawnMany(within(t, testTimeout), all[:1])
	if !errors.Is(replies[0].Error, bus.ErrInternal) || err == nil {
		t.Errorf("empty answer: %+v, %v", replies, err)
	}
}

func TestTrackersReadsPageByPage(t *testing.T) {
	nc := fleet(t)
	c := newClient(t, nc, quick)
	var incomplete, loops atomic.Bool
	serve(t, nc, bus.SubjectList, func(m *nats.Msg) any {
		r, err := bus.DecodeList(m.Data)
		if err != nil || r.Filter != "source:sim" {
			t.Errorf("got %+v, %v", r, err)
		}
		page := 0
		_, _ = fmt.Sscanf(r.Cursor, "%d", &page)
		reply := bus.ListReply{Trackers: []bus.Tracker{*tracker(numbered(t, page))}, Incomplete: incomplete.Load() && page == 1}
		if loops.Load() {
			reply.Cursor = "1"
		} else if page < 4 {
			reply.Cursor = fmt.Sprint(page + 1)
		}
		return reply
	})
	read := func() (n int, err error) {
		for tr, e := range c.Trackers(t.Context(), "source:sim") {
			if e != nil {
				return n, e
			}
			if want := numbered(t, n); tr.TransactionID != want {
				t.Errorf("tracker %d is %s", n, tr.TransactionID)
			}
			n++
		}
		return n, nil
	}
	if n, err := read(); n != 5 || err != nil {
		t.Errorf("read %d, %v", n, err)
	}
	incomplete.Store(true)
	n, err := read()
	wantOnly(t, err, bus.ErrUnavailable)
	if n != 5 {
		t.Errorf("read %d of an incomplete list", n)
	}
	loops.Store(true)
	_, err = read()
	wantOnly(t, err, bus.ErrInternal)
}

package bus_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"trackerfleet/bus"
)

// quick makes a client give up and ask again soon.
var quick = bus.ClientConfig{
	Timeout: 5 * time.Second, Silence: 200 * time.Millisecond, BackoffBase: time.Millisecond, BackoffCap: 20 * time.Millisecond,
	Recheck: 50 * time.Millisecond,
}

func newClient(t testing.TB, nc *nats.Conn, cfg bus.ClientConfig) *bus.Client {
	t.Helper()
	c, err := bus.NewClient(nc, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// serve answers requests to subject with what answer returns: a reply, an error, or nil for silence.
func serve(t testing.TB, nc *nats.Conn, subject string, answer func(m *nats.Msg) any) {
	t.Helper()
	var r bus.Responder
	sub, err := nc.Subscribe(subject, func(m *nats.Msg) {
		var err error
		switch v := answer(m).(type) {
		case nil:
		case bus.LookupReply:
			err = r.RespondLookup(bus.MessageRequest(m), v)
		case error:
			err = r.RespondError(bus.MessageRequest(m), v)
		default:
			err = r.Respond(bus.MessageRequest(m), v)
		}
		if err != nil {
			t.Error(err)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = sub.Unsubscribe() })
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
}

func within(t testing.TB, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

func tracker(id bus.ID) *bus.Tracker {
	return &bus.Tracker{TransactionID: id, Run: 1, Phase: bus.PhaseRunning, Status: bus.StatusPending, Partition: id.Partition()}
}

// sentinels are all errors of the contract.
var sentinels = []error{
	bus.ErrInvalid, bus.ErrNotFound, bus.ErrConflict, bus.ErrExists, bus.ErrCrashed, bus.ErrTooLarge, bus.ErrOverloaded,
	bus.ErrInternal, bus.ErrUnavailable, bus.ErrTimeout,
}

// wantOnly fails the test unless err is want and no other sentinel.
func wantOnly(t testing.TB, err, want error) {
	t.Helper()
	for _, s := range sentinels {
		if errors.Is(err, s) != (s == want) {
			t.Errorf("error is %v: %t, want only %v: %v", s, errors.Is(err, s), want, err)
		}
	}
}

func TestClientAsksTheOwnerInOneHop(t *testing.T) {
	nc := fleet(t)
	c, id := newClient(t, nc, quick), parseID(t, "a.b *>$/é")
	var asked sync.Map
	for _, verb := range []string{"spawn", "lookup", "call", "stop", "retry"} {
		serve(t, nc, bus.RequestSubject(id.Partition(), verb, id.Token()), func(m *nats.Msg) any {
			asked.Store(verb, string(m.Data))
			if d := bus.RequestTimeout(m.Header, time.Hour); d <= 0 || d > 5*time.Second {
				t.Errorf("%s: request says that it waits %s", verb, d)
			}
			return map[string]any{"status": "found", "tracker": tracker(id), "op": "ping"}
		})
	}
	ctx := within(t, 5*time.Second)
	_, spawnErr := c.Spawn(ctx, bus.StartRequest{TransactionID: id, Source: "sim"})
	_, lookupErr := c.Lookup(ctx, id)
	_, callErr := c.Call(ctx, id, bus.OpPing)
	_, stopErr := c.Stop(ctx, bus.StopRequest{TransactionID: id, Reason: "its_a_crash"})
	_, retryErr := c.Retry(ctx, bus.RetryRequest{TransactionID: id, By: "me"})
	if err := errors.Join(spawnErr, lookupErr, callErr, stopErr, retryErr); err != nil {
		t.Fatal(err)
	}
	for verb, want := range map[string]string{
		"spawn":  `{"transaction_id":"a.b *>$/é","source":"sim"}`,
		"lookup": `{"transaction_id":"a.b *>$/é"}`,
		"call":   `{"transaction_id":"a.b *>$/é","op":"ping"}`,
		"stop":   `{"transaction_id":"a.b *>$/é","reason":"its_a_crash"}`,
		"retry":  `{"transaction_id":"a.b *>$/é","by":"me"}`,
	} {
		if got, _ := asked.Load(verb); got != want {
			t.Errorf("%s: owner was asked %v, want %s", verb, got, want)
		}
	}
}

func TestClientTellsEveryCodeApart(t *testing.T) {
	nc := fleet(t)
	cfg := quick
	cfg.Timeout = 300 * time.Millisecond
	c, id := newClient(t, nc, cfg), parseID(t, "t")
	var answer atomic.Value
	serve(t, nc, bus.RequestSubject(id.Partition(), "stop", id.Token()), func(*nats.Msg) any { return answer.Load() })
	for _, code := range bus.Codes() {
		answer.Store(&bus.Error{Code: code, Message: "because", Field: "f", Details: []bus.Fault{{Field: "f", Message: "because"}}})
		_, err := c.Stop(t.Context(), bus.StopRequest{TransactionID: id})
		wantOnly(t, err, code.Sentinel())
		var wire *bus.Error
		if !errors.As(err, &wire) || wire.Code != code || len(wire.Details) != 1 {
			t.Errorf("%s: got %+v", code, wire)
		}
	}
}

func TestClientWaitsForAnOwner(t *testing.T) {
	nc := fleet(t)
	c, id := newClient(t, nc, quick), parseID(t, "t")
	var public, refused atomic.Int64
	serve(t, nc, bus.SubjectStop, func(*nats.Msg) any { // no owner yet, say the other workers
		public.Add(1)
		return bus.ErrUnavailable
	})
	answered := make(chan error, 1)
	go func() {
		_, err := c.Stop(t.Context(), bus.StopRequest{TransactionID: id})
		answered <- err
	}()
	poll(t, func() bool { return public.Load() >= 2 })
	serve(t, nc, bus.RequestSubject(id.Partition(), "stop", id.Token()), func(*nats.Msg) any {
		if refused.Add(1) < 3 {
			return bus.ErrUnavailable // claimed, but not loaded yet
		}
		return bus.StopReply{Status: bus.StopStopped, Tracker: tracker(id)}
	})
	if err := <-answered; err != nil || refused.Load() != 3 {
		t.Errorf("error %v after %d answers of the owner", err, refused.Load())
	}
}

// TestClientAsksAgainWhenALookupIsLost: within the time that it has, though what has to be done would be waited for longer than that.
func TestClientAsksAgainWhenALookupIsLost(t *testing.T) {
	nc := fleet(t)
	patient := quick
	patient.Silence = 4 * time.Second
	c, id := newClient(t, nc, patient), parseID(t, "t")
	var asked atomic.Int64
	answer := func(*nats.Msg) any {
		if asked.Add(1) == 1 {
			return nil // the owner has just given its partition up
		}
		return bus.LookupReply{Status: bus.LookupFound, Tracker: tracker(id)}
	}
	serve(t, nc, bus.RequestSubject(id.Partition(), "lookup", id.Token()), answer)
	serve(t, nc, bus.SubjectLookup, answer)
	if _, err := c.Lookup(within(t, 3*time.Second), id); err != nil || asked.Load() != 2 {
		t.Errorf("asked %d times: %v", asked.Load(), err)
	}
}

func TestClientGivesUpAtTheDeadline(t *testing.T) {
	nc := fleet(t)
	c, id, mute := newClient(t, nc, quick), parseID(t, "t"), parseID(t, "mute")
	var heard sync.Map
	count := func(verb string) *atomic.Int64 {
		v, _ := heard.LoadOrStore(verb, new(atomic.Int64))
		return v.(*atomic.Int64)
	}
	for _, verb := range []string{"lookup", "stop"} {
		serve(t, nc, bus.RequestSubject(mute.Partition(), verb, mute.Token()), func(*nats.Msg) any {
			count(verb).Add(1)
			return nil
		})
	}
	_, err := c.Lookup(within(t, 300*time.Millisecond), id)
	wantOnly(t, err, bus.ErrUnavailable)
	_, err = c.Stop(within(t, 300*time.Millisecond), bus.StopRequest{TransactionID: id})
	wantOnly(t, err, bus.ErrUnavailable)
	_, err = c.Lookup(within(t, time.Second), mute)
	wantOnly(t, err, bus.ErrTimeout)
	_, err = c.Stop(within(t, 400*time.Millisecond), bus.StopRequest{TransactionID: mute})
	wantOnly(t, err, bus.ErrTimeout)
	if n := count("lookup").Load(); n < 2 {
		t.Errorf("a lookup was asked %d times, want again after silence", n)
	}
	if n := count("stop").Load(); n != 1 {
		t.Errorf("a stop was asked %d times, want once", n)
	}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = c.Stop(cancelled, bus.StopRequest{TransactionID: mute})
	wantOnly(t, err, bus.ErrUnavailable)
	if !errors.Is(err, context.Canceled) || count("stop").Load() != 1 {
		t.Errorf("a cancelled call asked anyway, or hides why it ended: %v", err)
	}
}

func TestClientAnswersAnOverloadedFleetWithPatience(t *testing.T) {
	nc := fleet(t)
	c, id := newClient(t, nc, quick), parseID(t, "t")
	var asked atomic.Int64
	serve(t, nc, bus.RequestSubject(id.Partition(), "spawn", id.Token()), func(*nats.Msg) any {
		if asked.Add(1) == 1 {
			return bus.Overloaded(400 * time.Millisecond)
		}
		return bus.SpawnReply{Status: bus.SpawnCreated, Tracker: tracker(id)}
	})
	begin := time.Now()
	if _, err := c.Spawn(t.Context(), bus.StartRequest{TransactionID: id}); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(begin); took < 400*time.Millisecond || asked.Load() != 2 {
		t.Errorf("asked %d times within %s", asked.Load(), took)
	}
	asked.Store(0)
	_, err := c.Spawn(within(t, 300*time.Millisecond), bus.StartRequest{TransactionID: id})
	wantOnly(t, err, bus.ErrOverloaded)
	if asked.Load() != 1 {
		t.Errorf("asked %d times", asked.Load())
	}
}

func TestLookupIsNeverWrong(t *testing.T) {
	nc := fleet(t)
	c, id := newClient(t, nc, quick), parseID(t, "t")
	var answer atomic.Value
	serve(t, nc, bus.SubjectLookup, func(*nats.Msg) any { return answer.Load() }) // no owner: only this one answers

	answer.Store(bus.LookupReply{Status: bus.LookupFound, Tracker: tracker(id), Stale: true})
	got, err := c.Lookup(within(t, time.Second), id)
	if err != nil || !got.Stale || got.Tracker == nil || got.Tracker.TransactionID != id {
		t.Errorf("got %+v, %v", got, err)
	}
	answer.Store(bus.LookupReply{Status: bus.LookupNotFound})
	got, err = c.Lookup(within(t, time.Second), id)
	wantOnly(t, err, bus.ErrNotFound)
	if got.Status != bus.LookupNotFound {
		t.Errorf("got %+v", got)
	}
	answer.Store(bus.LookupReply{Status: bus.LookupUnavailable})
	got, err = c.Lookup(within(t, 300*time.Millisecond), id)
	if !errors.Is(err, bus.ErrUnavailable) && !errors.Is(err, bus.ErrTimeout) { // the deadline may cut the last attempt off
		t.Errorf("error is %v", err)
	}
	if got.Status != bus.LookupUnavailable {
		t.Errorf("got %+v", got)
	}
	answer.Store(bus.LookupReply{Status: "whatever"})
	_, err = c.Lookup(within(t, time.Second), id)
	wantOnly(t, err, bus.ErrInternal)
}

func TestClientRefusesWhatTheFleetWould(t *testing.T) {
	nc := fleet(t)
	c := newClient(t, nc, quick)
	_, err := c.Lookup(t.Context(), bus.ID{})
	wantOnly(t, err, bus.ErrInvalid)
	_, err = c.Spawn(t.Context(), bus.StartRequest{})
	wantOnly(t, err, bus.ErrInvalid)
	_, err = c.Start(t.Context(), bus.StartRequest{TransactionID: parseID(t, "t"), Params: []byte(`{"a":`)})
	wantOnly(t, err, bus.ErrInvalid)
	_, err = c.Start(t.Context(), bus.StartRequest{TransactionID: parseID(t, "t"), Params: []byte(`{"a":"` + longText(70_000) + `"}`)})
	wantOnly(t, err, bus.ErrTooLarge)
	_, err = c.List(t.Context(), bus.ListRequest{Filter: "nonsense:1"})
	wantOnly(t, err, bus.ErrInvalid)
	_, err = c.Drain(t.Context(), "no.name")
	wantOnly(t, err, bus.ErrInvalid)
	if _, err := bus.NewClient(nc, bus.ClientConfig{Timeout: -1, Parallel: -1}); !errors.Is(err, bus.ErrInvalid) {
		t.Errorf("a faulty configuration was taken: %v", err)
	}
}

func TestClientOfAClosedConnection(t *testing.T) {
	nc := fleet(t)
	c := newClient(t, nc, quick)
	nc.Close()
	_, err := c.Lookup(t.Context(), parseID(t, "t"))
	wantOnly(t, err, bus.ErrUnavailable)
	_, err = c.Start(t.Context(), bus.StartRequest{TransactionID: parseID(t, "t")})
	wantOnly(t, err, bus.ErrUnavailable)
	_, err = c.Wait(t.Context(), parseID(t, "t"))
	wantOnly(t, err, bus.ErrUnavailable)
}

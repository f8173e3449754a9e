package bus_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"trackerfleet/bus"
)

func TestWaitFindsAnEndThatWasBefore(t *testing.T) {
	nc := fleet(t)
	c, id := newClient(t, nc, quick), parseID(t, "t")
	emit(t, nc, id, "started", 1, 1)
	emit(t, nc, id, "dropped", 2, 1)
	emit(t, nc, id, "started", 3, 2)
	emit(t, nc, id, "confirmed", 4, 2)
	got, err := c.Wait(within(t, testTimeout), id)
	if err != nil || got.Status != bus.StatusConfirmed || got.Run != 2 || got.N != 4 || !got.At.Equal(eventTime) || len(got.Result) == 0 {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestWaitFindsAnEndWhoseEventsAreGone(t *testing.T) {
	nc := fleet(t)
	c, id := newClient(t, nc, quick), parseID(t, "t")
	var asked atomic.Int64
	serve(t, nc, bus.SubjectLookup, func(*nats.Msg) any {
		if asked.Add(1) < 3 {
			return bus.LookupReply{Status: bus.LookupUnavailable}
		}
		tr := tracker(id)
		tr.Phase, tr.Status, tr.Events, tr.UpdatedAt = bus.PhaseFinished, bus.StatusFailed, 9, eventTime
		return bus.LookupReply{Status: bus.LookupFound, Tracker: tr}
	})
	got, err := c.Wait(within(t, testTimeout), id)
	if err != nil || got.Status != bus.StatusFailed || got.N != 9 {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestWaitGoesOnUntilTheEnd(t *testing.T) {
	nc := fleet(t)
	id := parseID(t, "t")
	serve(t, nc, bus.SubjectLookup, func(*nats.Msg) any { return bus.LookupReply{Status: bus.LookupFound, Tracker: tracker(id)} })
	emit(t, nc, id, "started", 1, 1)
	emit(t, nc, id, "dropped", 2, 1) // of the run before
	emit(t, nc, id, "started", 3, 2)
	const waiters = 8
	ends := make(chan error, waiters)
	for range waiters {
		go func() {
			o, err := newClient(t, nc, quick).Wait(t.Context(), id)
			if err == nil && (o.Status != bus.StatusExpired || o.Run != 2) {
				err = fmt.Errorf("got %+v", o)
			}
			ends <- err
		}()
	}
	emit(t, nc, id, "pending", 4, 2)
	select {
	case err := <-ends:
		t.Fatalf("a wait ended early: %v", err)
	default:
	}
	emit(t, nc, id, "expired", 5, 2)
	for range waiters {
		if err := <-ends; err != nil {
			t.Error(err)
		}
	}
}

func TestWaitEndsWithItsContext(t *testing.T) {
	nc := fleet(t)
	c, id, absent := newClient(t, nc, quick), parseID(t, "t"), parseID(t, "absent")
	emit(t, nc, id, "started", 1, 1)
	serve(t, nc, bus.RequestSubject(absent.Partition(), "lookup", absent.Token()), func(*nats.Msg) any {
		return bus.LookupReply{Status: bus.LookupNotFound}
	})
	_, err := c.Wait(within(t, 200*time.Millisecond), id)
	wantOnly(t, err, bus.ErrTimeout)
	_, err = c.Wait(within(t, 200*time.Millisecond), absent)
	wantOnly(t, err, bus.ErrNotFound)
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v does not wrap the cause", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = c.Wait(ctx, id)
	wantOnly(t, err, bus.ErrUnavailable)
	_, err = c.Wait(t.Context(), bus.ID{})
	wantOnly(t, err, bus.ErrInvalid)
}

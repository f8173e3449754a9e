package supervision_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"trackerfleet/supervision"
)

// recorder is an observer that keeps what it sees.
type recorder struct {
	mu     sync.Mutex
	events []supervision.Event
}

func newRecorder() *recorder { return &recorder{} }

func (r *recorder) observe(e supervision.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, e)
}

func (r *recorder) of(id string) []supervision.Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(r.events), func(e supervision.Event) bool { return e.Child.ID() != id })
}

// want checks the kinds of the events of a child; its supervisor is stopped, so that all are there.
func (r *recorder) want(t *testing.T, id string, kinds ...string) {
	t.Helper()
	var got []string
	for _, e := range r.of(id) {
		got = append(got, e.Kind.String())
	}
	if !slices.Equal(got, kinds) {
		t.Errorf("events of %q:\ngot  %v\nwant %v", id, got, kinds)
	}
}

func TestEventsTellTheWholeLife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		events := newRecorder()
		s := supervision.New(supervision.Config{Observer: events.observe, Rand: func() float64 { return 0.5 }})
		typ := typed(script{})
		typ.Intensity.MaxRestarts = 1
		c := start(t, s, supervision.ChildSpec{ID: "a", Type: typ})
		for range 2 {
			if err := c.Cast(errCrash); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
			synctest.Wait()
		}
		if err := s.Resume(t.Context(), "a"); err != nil {
			t.Fatal(err)
		}
		stop(t, s)
		events.want(t, "a", "started", "registered", "down", "restarted", "registered", "down", "parked",
			"resumed", "restarted", "registered", "down", "unregistered")
		all := events.of("a")
		if down := all[2]; down.Reason != errCrash || down.Incarnation != 1 || down.Attempt != 1 || down.Delay != 50*time.Millisecond {
			t.Errorf("down %+v", down)
		}
		if again := all[3]; again.Incarnation != 2 || again.Reason != errCrash || again.At.Sub(all[2].At) != again.Delay {
			t.Errorf("restarted %+v", again)
		}
		if last := all[10]; last.Reason != supervision.ErrShutdown || last.Incarnation != 3 {
			t.Errorf("last down %+v", last)
		}
	})
}

// TestOrderAtTheEnd: Terminate returned, name free, stopper answered, then Down.
func TestOrderAtTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var order []string
		var mu sync.Mutex
		note := func(what string) { mu.Lock(); defer mu.Unlock(); order = append(order, what) }
		reg := &noting{note: note}
		s := supervision.New(supervision.Config{Registry: reg, Observer: func(e supervision.Event) { note(e.Kind.String()) }})
		c := start(t, s, supervision.ChildSpec{ID: "a", Type: typed(script{
			terminate: func(context.Context, error) { time.Sleep(time.Second); note("terminated") },
		})})
		if err := s.TerminateChild(t.Context(), "a"); err != nil {
			t.Fatal(err)
		}
		if _, ok := reg.Lookup("a"); ok || c.Phase() != supervision.Stopped {
			t.Error("the name is not free when the stopper is answered")
		}
		stop(t, s)
		want := []string{"register", "started", "registered", "terminated", "unregister", "down", "unregistered"}
		if !slices.Equal(order, want) {
			t.Errorf("got  %v\nwant %v", order, want)
		}
	})
}

func TestSlowObserverHoldsNobodyUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		var missed uint64
		seen := 0
		s := supervision.New(supervision.Config{EventBuffer: 10, Observer: func(e supervision.Event) {
			<-release
			seen++
			missed += e.Missed
		}})
		typ := typed(script{})
		for _, id := range ids(100) {
			start(t, s, supervision.ChildSpec{ID: id, Type: typ})
		}
		if s.CountChildren().Running != 100 {
			t.Errorf("%+v", s.CountChildren())
		}
		close(release)
		synctest.Wait()
		start(t, s, supervision.ChildSpec{ID: "last", Type: typ}) // its first event tells what was missed
		synctest.Wait()
		if dropped := s.EventsDropped(); dropped == 0 || missed != dropped || seen+int(dropped) != 202 {
			t.Errorf("seen %d, missed %d, dropped %d of 202", seen, missed, dropped)
		}
		stop(t, s)
	})
}

package supervision_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"trackerfleet/supervision"
)

// TestShutdownKinds: what Terminate is told, how long it takes, and who is reported.
func TestShutdownKinds(t *testing.T) {
	for _, row := range []struct {
		name      string
		shutdown  supervision.Shutdown
		takes     time.Duration // of Terminate
		took      time.Duration // of TerminateChild
		reason    error         // that Terminate is told; nil if it is not called
		abandoned bool
	}{
		{"default, quick", 0, time.Second, time.Second, supervision.ErrShutdown, false},
		{"default, expired", 0, time.Minute, 5 * time.Second, supervision.ErrShutdown, true},
		{"duration, quick", supervision.Shutdown(2 * time.Second), time.Second, time.Second, supervision.ErrShutdown, false},
		{"duration, expired", supervision.Shutdown(2 * time.Second), time.Minute, 2 * time.Second, supervision.ErrShutdown, true},
		{"infinite", supervision.Infinite, time.Hour, time.Hour, supervision.ErrShutdown, false},
		{"brutal", supervision.Brutal, time.Hour, 0, nil, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				told := make(chan error, 1)
				events := newRecorder()
				s := supervision.New(supervision.Config{Observer: events.observe})
				typ := typed(script{terminate: func(_ context.Context, reason error) { told <- reason; time.Sleep(row.takes) }})
				typ.Shutdown = row.shutdown
				c := start(t, s, supervision.ChildSpec{ID: "a", Type: typ, Restart: supervision.Permanent})
				began := time.Now()
				if err := s.TerminateChild(t.Context(), "a"); err != nil {
					t.Fatal(err)
				}
				if took := time.Since(began); took != row.took || c.Phase() != supervision.Stopped {
					t.Errorf("took %v, phase %v", took, c.Phase())
				}
				var reason error
				select {
				case reason = <-told:
				default:
				}
				if !errors.Is(reason, row.reason) {
					t.Errorf("Terminate was told %v", reason)
				}
				err := s.Stop(t.Context())
				var report *supervision.StopError
				if row.abandoned != errors.As(err, &report) {
					t.Fatalf("Stop = %v", err)
				}
				if row.abandoned && (report.Abandoned[0].ID != "a" || report.Abandoned[0].Stack.IsZero()) {
					t.Errorf("report %+v", report)
				}
				time.Sleep(2 * time.Hour) // lets abandoned ones return
				if n := s.CountChildren().Abandoned; n != 0 {
					t.Errorf("%d still abandoned", n)
				}
			})
		})
	}
}

// TestBusyChildIsCutOff: a handler that ignores its context, under each shutdown that is not infinite.
func TestBusyChildIsCutOff(t *testing.T) {
	for _, shutdown := range []supervision.Shutdown{supervision.Brutal, supervision.Shutdown(time.Second)} {
		synctest.Test(t, func(t *testing.T) {
			release := make(chan struct{})
			s := supervision.New(supervision.Config{})
			typ := typed(script{terminate: func(context.Context, error) { t.Error("Terminate beside a running handler") }})
			typ.Shutdown = shutdown
			c := start(t, s, supervision.ChildSpec{ID: "a", Type: typ})
			if err := c.Cast(func() { hang(release) }); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			began := time.Now()
			err := s.Stop(t.Context())
			if took := time.Since(began); took != time.Duration(max(shutdown, 0)) {
				t.Errorf("took %v", took)
			}
			var report *supervision.StopError
			if !errors.As(err, &report) || report.Abandoned[0].ID != "a" {
				t.Fatalf("Stop = %v", err)
			}
			if shutdown != supervision.Brutal && !strings.Contains(report.Abandoned[0].Stack.String(), "supervision_test.hang") {
				t.Errorf("stack:\n%v", report.Abandoned[0].Stack)
			}
			close(release)
		})
	}
}

// TestDrainTakesTheMaximum: mixed children stop together.
func TestDrainTakesTheMaximum(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := supervision.New(supervision.Config{})
		for i := range 3000 {
			typ := typed(script{terminate: func(context.Context, error) { time.Sleep(time.Duration(i%4) * time.Second) }})
			if i%3 == 0 {
				typ = running(func(ctx context.Context) error { <-ctx.Done(); time.Sleep(time.Second); return ctx.Err() })
			}
			start(t, s, supervision.ChildSpec{ID: fmt.Sprint(i), Type: typ})
		}
		began := time.Now()
		stop(t, s)
		if took := time.Since(began); took < 3*time.Second || took > 3*time.Second+10*time.Millisecond {
			t.Errorf("took %v, the slowest 3s", took)
		}
	})
}

func TestManyStopsMakeOneTerminate(t *testing.T) {
	var terminated atomic.Int32
	s := newRegistered()
	defer stop(t, s)
	typ := typed(script{terminate: func(context.Context, error) { terminated.Add(1) }})
	const children, stops = 1000, 10
	all := ids(children)
	for _, id := range all {
		start(t, s, supervision.ChildSpec{ID: id, Type: typ})
	}
	var wg sync.WaitGroup
	for range stops {
		wg.Go(func() {
			for _, id := range all {
				if err := s.TerminateChild(t.Context(), id); err != nil && !errors.Is(err, supervision.ErrNotFound) {
					t.Error(err)
				}
				if _, err := s.Lookup(id); !errors.Is(err, supervision.ErrNotFound) {
					t.Errorf("%q after its end: %v", id, err)
				}
			}
		})
	}
	wg.Wait()
	if got := terminated.Load(); got != children {
		t.Errorf("%d Terminates of %d children", got, children)
	}
	if err := s.TerminateChild(t.Context(), "unknown"); !errors.Is(err, supervision.ErrNotFound) {
		t.Errorf("unknown: %v", err)
	}
}

// TestTerminateInEveryPhase: it ends, it never comes back, the ID is free.
func TestTerminateInEveryPhase(t *testing.T) {
	crashOnce := func(c *supervision.Child) error { return c.Cast(errCrash) }
	for phase, reach := range map[supervision.Phase]func(*supervision.Child) error{
		supervision.Running:    func(*supervision.Child) error { return nil },
		supervision.BackingOff: crashOnce,
		supervision.Parked:     crashOnce,
		supervision.Starting:   crashOnce,
	} {
		t.Run(phase.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				events := newRecorder()
				s := supervision.New(supervision.Config{Rand: func() float64 { return 0.5 }, Observer: events.observe})
				typ := typed(script{init: func(ctx context.Context, c *supervision.Child) error {
					if c.Incarnation() > 1 {
						<-ctx.Done()
						return ctx.Err()
					}
					return nil
				}})
				switch phase {
				case supervision.Parked:
					typ.Intensity.MaxRestarts = -1
				case supervision.Starting:
					typ.Backoff.Base = -1
				}
				c := start(t, s, supervision.ChildSpec{ID: "a", Type: typ, Restart: supervision.Permanent})
				if err := reach(c); err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
				if c.Phase() != phase {
					t.Fatalf("phase %v", c.Phase())
				}
				incarnation := c.Incarnation()
				if err := s.TerminateChild(t.Context(), "a"); err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
				downs := 0
				for _, e := range events.of("a") {
					if e.Kind == supervision.EventDown {
						downs++
					}
				}
				if want := int(incarnation); downs != want {
					t.Errorf("%d downs of %d incarnations", downs, want)
				}
				start(t, s, supervision.ChildSpec{ID: "a", Type: typed(script{})})
				time.Sleep(time.Hour)
				if c.Phase() != supervision.Stopped || c.Incarnation() != incarnation {
					t.Errorf("came back: %v, incarnation %d", c.Phase(), c.Incarnation())
				}
				if err := c.Cast(1); !errors.Is(err, supervision.ErrStopped) {
					t.Errorf("Cast = %v", err)
				}
				stop(t, s)
			})
		})
	}
}

func TestTerminateFromInsideDoesNotDeadlock(t *testing.T) {
	for _, how := range []string{"terminate", "stop"} {
		synctest.Test(t, func(t *testing.T) {
			s := supervision.New(supervision.Config{})
			typ := typed(script{
				call: func(ctx context.Context, call *supervision.Call) error {
					if how == "stop" {
						call.Reply(nil, s.Stop(ctx))
					} else {
						call.Reply(nil, s.TerminateChild(ctx, "a"))
					}
					return nil
				},
				terminate: func(ctx context.Context, _ error) {
					if err := s.TerminateChild(ctx, "a"); err != nil {
						t.Errorf("from Terminate: %v", err)
					}
				},
			})
			c := start(t, s, supervision.ChildSpec{ID: "a", Type: typ})
			began := time.Now()
			if err := call(t, c, 1); err != nil {
				t.Error(err)
			}
			stop(t, s)
			if took := time.Since(began); took != 0 || c.Phase() != supervision.Stopped {
				t.Errorf("took %v, phase %v", took, c.Phase())
			}
		})
	}
}

// TestStuckTerminateAfterCrashIsAbandoned: a crash loop can't hide behind a Terminate that never returns.
func TestStuckTerminateAfterCrashIsAbandoned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		s := supervision.New(supervision.Config{})
		typ := typed(script{terminate: func(_ context.Context, reason error) {
			if errors.Is(reason, errCrash) {
				hang(release)
			}
		}})
		c := start(t, s, supervision.ChildSpec{ID: "a", Type: typ})
		if err := c.Cast(errCrash); err != nil {
			t.Fatal(err)
		}
		time.Sleep(6 * time.Second)
		synctest.Wait()
		if c.Phase() != supervision.Running || c.Incarnation() != 2 || s.CountChildren().Abandoned != 1 {
			t.Errorf("%v, incarnation %d, %+v", c.Phase(), c.Incarnation(), s.CountChildren())
		}
		close(release)
		synctest.Wait()
		stop(t, s)
	})
}

func TestPanicAndGoexitInTerminate(t *testing.T) {
	for _, way := range ways {
		if !way.crash {
			continue
		}
		synctest.Test(t, func(t *testing.T) {
			s := supervision.New(supervision.Config{})
			typ := typed(script{terminate: func(ctx context.Context, _ error) { _ = way.end(ctx) }})
			start(t, s, supervision.ChildSpec{ID: "a", Type: typ, Restart: supervision.Permanent})
			if err := s.TerminateChild(t.Context(), "a"); err != nil || s.CountChildren().Total() != 0 {
				t.Errorf("%s: %v, %+v", way.name, err, s.CountChildren())
			}
			stop(t, s)
		})
	}
}

func TestStopReportsWhoRemains(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		s := supervision.New(supervision.Config{})
		typ := typed(script{terminate: func(context.Context, error) { <-release }})
		typ.Shutdown = supervision.Infinite
		start(t, s, supervision.ChildSpec{ID: "hung", Type: typ})
		start(t, s, supervision.ChildSpec{ID: "well", Type: typed(script{})})
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		err := s.Stop(ctx)
		var report *supervision.StopError
		if !errors.As(err, &report) || len(report.Remaining) != 1 || report.Remaining[0] != "hung" || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Stop = %v", err)
		}
		close(release)
		stop(t, s)
	})
}

package supervision_test

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"trackerfleet/supervision"
)

// TestDifferentReturns: whatever Init does, only ok stays, and the ID is free at once.
func TestDifferentReturns(t *testing.T) {
	withInit := func(init func(context.Context) error) *supervision.ChildType {
		return typed(script{init: func(ctx context.Context, _ *supervision.Child) error { return init(ctx) }})
	}
	for name, row := range map[string]struct {
		typ  *supervision.ChildType
		want func(error) bool
	}{
		"ignore": {withInit(func(context.Context) error { return supervision.ErrIgnore }), is(supervision.ErrIgnore)},
		"error":  {withInit(func(context.Context) error { return errCrash }), is(errCrash)},
		"normal": {withInit(func(context.Context) error { return supervision.ErrNormal }), is(supervision.ErrNormal)},
		"panic": {withInit(func(context.Context) error { panic("boom") }), func(err error) bool {
			var p *supervision.PanicError
			return errors.As(err, &p) && p.Value == "boom"
		}},
		"goexit":  {withInit(func(context.Context) error { runtime.Goexit(); return nil }), is(supervision.ErrGoexit)},
		"timeout": {withInit(func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }), is(supervision.ErrInitTimeout)},
		"no server": {
			&supervision.ChildType{Server: func(*supervision.Child) supervision.Server { return nil }},
			func(err error) bool { return strings.Contains(err.Error(), "no server") },
		},
		"no process": {
			&supervision.ChildType{Process: func(*supervision.Child) supervision.Process { return nil }},
			func(err error) bool { return strings.Contains(err.Error(), "no process") },
		},
		"factory panics": {
			&supervision.ChildType{Server: func(*supervision.Child) supervision.Server { panic("boom") }},
			func(err error) bool { return strings.Contains(err.Error(), "boom") },
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := supervision.New(supervision.Config{MaxChildren: 1})
				defer stop(t, s)
				for range 2 {
					c, err := s.StartChild(t.Context(), supervision.ChildSpec{ID: "a", Type: row.typ, Restart: supervision.Permanent})
					if c != nil || err == nil || !row.want(err) {
						t.Errorf("StartChild = %v, %v", c, err)
					}
					if got := s.CountChildren().Total(); got != 0 {
						t.Errorf("%d children left", got)
					}
				}
				start(t, s, supervision.ChildSpec{ID: "a", Type: typed(script{})})
				synctest.Wait() // for the abandoned ones to return
			})
		})
	}
}

func is(target error) func(error) bool { return func(err error) bool { return errors.Is(err, target) } }

func TestInvalidSpecNamesEveryFault(t *testing.T) {
	s := supervision.New(supervision.Config{})
	factory := func(*supervision.Child) supervision.Server { t.Error("the factory was run"); return nil }
	process := func(*supervision.Child) supervision.Process { t.Error("the factory was run"); return nil }
	for _, row := range []struct {
		spec   supervision.ChildSpec
		faults []string
	}{
		{supervision.ChildSpec{}, []string{"id:", "type: missing"}},
		{supervision.ChildSpec{ID: "a", Type: &supervision.ChildType{}}, []string{"exactly one"}},
		{supervision.ChildSpec{ID: "a", Type: &supervision.ChildType{Server: factory, Process: process}}, []string{"exactly one"}},
		{supervision.ChildSpec{Restart: 9, Type: &supervision.ChildType{
			Server: factory, Shutdown: -2, MailboxLimit: -1,
			Intensity: supervision.Intensity{Period: -1}, Backoff: supervision.Backoff{Factor: 0.5, Cap: -1},
		}}, []string{"id:", "restart:", "shutdown:", "mailbox_limit:", "intensity.period:", "backoff.factor:", "backoff:"}},
	} {
		_, err := s.StartChild(t.Context(), row.spec)
		if !errors.Is(err, supervision.ErrInvalidSpec) {
			t.Errorf("%+v: %v", row.spec, err)
			continue
		}
		for _, fault := range row.faults {
			if !strings.Contains(err.Error(), fault) {
				t.Errorf("%q does not name %q", err, fault)
			}
		}
	}
	if got := s.CountChildren().Total(); got != 0 {
		t.Errorf("%d children", got)
	}
}

func TestSecondStartNamesTheFirst(t *testing.T) {
	var inits atomic.Int32
	s := supervision.New(supervision.Config{MaxChildren: 1})
	typ := typed(script{init: func(context.Context, *supervision.Child) error { inits.Add(1); return nil }})
	first := start(t, s, supervision.ChildSpec{ID: "a", Type: typ, Arg: 1})
	again := func(when string) {
		t.Helper()
		_, err := s.StartChild(t.Context(), supervision.ChildSpec{ID: "a", Type: typ, Arg: 2})
		var already *supervision.AlreadyStartedError
		if !errors.As(err, &already) || already.Child != first || !errors.Is(err, supervision.ErrAlreadyStarted) {
			t.Errorf("%s: %v", when, err)
		}
	}
	again("when full")
	if first.Arg() != 1 || inits.Load() != 1 {
		t.Errorf("the first was touched: %v, %d inits", first.Arg(), inits.Load())
	}
	_, err := s.StartChild(t.Context(), supervision.ChildSpec{ID: "b", Type: typ})
	if !errors.Is(err, supervision.ErrMaxChildren) {
		t.Errorf("beyond the limit: %v", err)
	}
	stop(t, s)
	_, err = s.StartChild(t.Context(), supervision.ChildSpec{ID: "a", Type: typ})
	if !errors.Is(err, supervision.ErrShutdown) {
		t.Errorf("after Stop: %v", err)
	}
}

func TestSecondStartWhileStopping(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		s := supervision.New(supervision.Config{})
		typ := typed(script{terminate: func(context.Context, error) { <-release }})
		c := start(t, s, supervision.ChildSpec{ID: "a", Type: typ})
		done := make(chan error)
		go func() { done <- s.Stop(context.Background()) }()
		synctest.Wait()
		_, err := s.StartChild(t.Context(), supervision.ChildSpec{ID: "a", Type: typ})
		var already *supervision.AlreadyStartedError
		if !errors.As(err, &already) || already.Child != c || c.Phase() != supervision.Stopping {
			t.Errorf("%v, %v", err, c.Phase())
		}
		close(release)
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func TestKeysAreUsedAsTheyAre(t *testing.T) {
	s := newRegistered()
	defer stop(t, s)
	typ := typed(script{})
	keys := []string{"1", "1.0", "0xAB", "0xab", "*", ">", "$", "/", " ", "a.b", "é", "\x00"}
	for _, id := range keys {
		start(t, s, supervision.ChildSpec{ID: id, Type: typ})
	}
	for _, id := range keys {
		if c, err := s.Lookup(id); err != nil || c.ID() != id {
			t.Errorf("Lookup(%q) = %v, %v", id, c, err)
		}
		if err := s.TerminateChild(t.Context(), id); err != nil {
			t.Errorf("TerminateChild(%q): %v", id, err)
		}
	}
}

func TestMaxChildren(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		none := supervision.New(supervision.Config{MaxChildren: -1})
		if _, err := none.StartChild(t.Context(), supervision.ChildSpec{ID: "a", Type: typed(script{})}); !errors.Is(err, supervision.ErrMaxChildren) {
			t.Errorf("with no place at all: %v", err)
		}
		s := supervision.New(supervision.Config{MaxChildren: 2})
		defer stop(t, s)
		a := start(t, s, supervision.ChildSpec{ID: "a", Type: typed(script{})})
		start(t, s, supervision.ChildSpec{ID: "b", Type: typed(script{}), Parked: true})
		full := func(when string) {
			t.Helper()
			_, err := s.StartChild(t.Context(), supervision.ChildSpec{ID: "c", Type: typed(script{})})
			if !errors.Is(err, supervision.ErrMaxChildren) {
				t.Errorf("%s: %v", when, err)
			}
		}
		full("running and parked")
		if err := a.Cast(errCrash); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		full("in backoff")
		time.Sleep(time.Second)
		full("after the restart")
		if err := s.TerminateChild(t.Context(), "b"); err != nil {
			t.Fatal(err)
		}
		start(t, s, supervision.ChildSpec{ID: "c", Type: typed(script{})})
	})
}

// TestInitTimeoutIsFenced: the goroutine that hangs in Init is given up, named with its stack, and can do nothing any more.
func TestInitTimeoutIsFenced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		var cause error
		events := newRecorder()
		s := supervision.New(supervision.Config{Observer: events.observe})
		typ := typed(script{init: func(ctx context.Context, _ *supervision.Child) error {
			hang(release)
			cause = context.Cause(ctx)
			return nil
		}})
		typ.InitTimeout = time.Second
		began := time.Now()
		if _, err := s.StartChild(t.Context(), supervision.ChildSpec{ID: "a", Type: typ}); !errors.Is(err, supervision.ErrInitTimeout) {
			t.Fatal(err)
		}
		if took := time.Since(began); took != time.Second {
			t.Errorf("took %v", took)
		}
		abandoned := s.Abandoned()
		if len(abandoned) != 1 || abandoned[0].ID != "a" || !strings.Contains(abandoned[0].Stack.String(), "supervision_test.hang") {
			t.Fatalf("Abandoned = %v", abandoned)
		}
		successor := start(t, s, supervision.ChildSpec{ID: "a", Type: typed(script{})})
		close(release)
		synctest.Wait()
		if !errors.Is(cause, supervision.ErrAbandoned) || s.CountChildren().Abandoned != 0 {
			t.Errorf("cause %v, counts %+v", cause, s.CountChildren())
		}
		if got, err := s.Lookup("a"); err != nil || got != successor || got.Phase() != supervision.Running {
			t.Errorf("the successor was disturbed: %v, %v", got, err)
		}
		stop(t, s)
		events.want(t, "a", "abandoned", "start_failed", "started", "registered", "returned", "down", "unregistered")
	})
}

//go:noinline
func hang(release chan struct{}) { <-release }

func TestInitTimeoutOnRestartIsACrash(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		s := supervision.New(supervision.Config{})
		typ := typed(script{init: func(_ context.Context, c *supervision.Child) error {
			if c.Incarnation() == 2 {
				hang(release)
			}
			return nil
		}})
		c := start(t, s, supervision.ChildSpec{ID: "a", Type: typ})
		if err := c.Cast(errCrash); err != nil {
			t.Fatal(err)
		}
		time.Sleep(7 * time.Second)
		synctest.Wait()
		if c.Incarnation() != 3 || c.Phase() != supervision.Running || !errors.Is(c.LastCrash().Reason, supervision.ErrInitTimeout) {
			t.Errorf("%v, incarnation %d, %+v", c.Phase(), c.Incarnation(), c.LastCrash())
		}
		close(release)
		synctest.Wait()
		if err := call(t, c, 1); err != nil || c.Incarnation() != 3 {
			t.Errorf("after the late return: %v", err)
		}
		stop(t, s)
	})
}

func TestStartEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := supervision.New(supervision.Config{})
		defer stop(t, s)
		why := errors.New("enough")
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, why)
		defer cancel()
		typ := typed(script{init: func(ctx context.Context, _ *supervision.Child) error { <-ctx.Done(); return ctx.Err() }})
		_, err := s.StartChild(ctx, supervision.ChildSpec{ID: "a", Type: typ})
		if !errors.Is(err, why) || s.CountChildren().Total() != 0 {
			t.Errorf("%v, %+v", err, s.CountChildren())
		}
		if _, err = s.StartChild(ctx, supervision.ChildSpec{ID: "a", Type: typ}); !errors.Is(err, why) {
			t.Errorf("with an ended context: %v", err)
		}
	})
}

// TestOneSlowInitHoldsNobodyUp: starting is not serial.
func TestOneSlowInitHoldsNobodyUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := supervision.New(supervision.Config{})
		slow := typed(script{init: func(context.Context, *supervision.Child) error { time.Sleep(time.Second); return nil }})
		done := make(chan error)
		go func() {
			_, err := s.StartChild(t.Context(), supervision.ChildSpec{ID: "slow", Type: slow})
			done <- err
		}()
		synctest.Wait()
		began := time.Now()
		start(t, s, supervision.ChildSpec{ID: "quick", Type: typed(script{})})
		if time.Since(began) != 0 || s.CountChildren().Starting != 1 {
			t.Errorf("took %v, %+v", time.Since(began), s.CountChildren())
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
		stop(t, s)
	})
}

package supervision_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"trackerfleet/supervision"
)

// ways are how an incarnation may end by itself, as a function that a server's handler or a process runs.
var ways = []struct {
	name  string
	end   func(context.Context) error
	crash bool
}{
	{"normal", func(context.Context) error { return supervision.ErrNormal }, false},
	{"shutdown", func(context.Context) error { return supervision.ErrShutdown }, false},
	{"wrapped shutdown", func(context.Context) error { return fmt.Errorf("why: %w", supervision.ErrShutdown) }, false},
	{"error", func(context.Context) error { return errCrash }, true},
	{"foreign canceled", func(context.Context) error { return context.Canceled }, true},
	{"panic", func(context.Context) error { panic("boom") }, true},
	{"panic with normal", func(context.Context) error { panic(supervision.ErrNormal) }, true},
	{"panic with nil", func(context.Context) error { panic(nil) }, true},
	{"index", func(context.Context) error { var none []error; return none[runtime.NumCPU()] }, true},
	{"goexit", func(context.Context) error { runtime.Goexit(); return nil }, true},
}

// TestRestartTable is the whole table: restart kind by the way of ending, for servers and processes.
func TestRestartTable(t *testing.T) {
	for _, way := range ways {
		for _, restart := range []supervision.Restart{supervision.Transient, supervision.Permanent, supervision.Temporary} {
			want := restart == supervision.Permanent || restart == supervision.Transient && way.crash
			t.Run(fmt.Sprintf("server/%v/%s", restart, way.name), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					run := make(chan func(context.Context) error, 1)
					testEnd(t, restart, want, run, way.end, typed(script{
						cast: func(ctx context.Context, _ any) error { return (<-run)(ctx) },
					}))
				})
			})
			t.Run(fmt.Sprintf("process/%v/%s", restart, way.name), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					run := make(chan func(context.Context) error, 1)
					testEnd(t, restart, want, run, way.end, running(func(ctx context.Context) error {
						select {
						case f := <-run:
							return f(ctx)
						case <-ctx.Done():
							return ctx.Err()
						}
					}))
				})
			})
		}
	}
}

func testEnd(t *testing.T, restart supervision.Restart, want bool, run chan func(context.Context) error,
	end func(context.Context) error, typ *supervision.ChildType,
) {
	s := supervision.New(supervision.Config{})
	defer stop(t, s)
	c := start(t, s, supervision.ChildSpec{ID: "a", Type: typ, Restart: restart, Incarnation: 7})
	run <- end
	if err := c.Cast("go"); err != nil && typ.Server != nil {
		t.Fatal(err)
	}
	time.Sleep(time.Second) // of the bubble: longer than the first backoff
	synctest.Wait()
	_, err := s.Lookup("a")
	switch {
	case want && (err != nil || c.Phase() != supervision.Running || c.Incarnation() != 8 || c.Restarts() != 1):
		t.Errorf("not restarted: %v, %v, incarnation %d", err, c.Phase(), c.Incarnation())
	case !want && (!errors.Is(err, supervision.ErrNotFound) || c.Phase() != supervision.Stopped || s.CountChildren().Total() != 0):
		t.Errorf("not gone: %v, %v", err, c.Phase())
	}
}

// TestRestartsAtOnceWithoutBackoff: after a crash of any kind, and Terminate was called, without any time passing.
func TestRestartsAtOnceWithoutBackoff(t *testing.T) {
	for _, way := range ways {
		if !way.crash {
			continue
		}
		t.Run(way.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := supervision.New(supervision.Config{})
				defer stop(t, s)
				ended := 0
				typ := typed(script{
					cast:      func(ctx context.Context, _ any) error { return way.end(ctx) },
					terminate: func(context.Context, error) { ended++ },
				})
				typ.Backoff.Base = -1
				c := start(t, s, supervision.ChildSpec{ID: "a", Type: typ})
				began := time.Now()
				for crashes := 1; crashes <= 3; crashes++ {
					if err := c.Cast("go"); err != nil {
						t.Fatal(err)
					}
					synctest.Wait()
					if c.Phase() != supervision.Running || c.Restarts() != crashes || ended != crashes {
						t.Fatalf("%v after %d crashes, %d restarts, %d Terminates", c.Phase(), crashes, c.Restarts(), ended)
					}
				}
				if took := time.Since(began); took != 0 {
					t.Errorf("took %v", took)
				}
			})
		})
	}
}

// TestProcessRestartsInANewGoroutine, so that a thread that it locked and left in some state does not become its successor's.
func TestProcessRestartsInANewGoroutine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := supervision.New(supervision.Config{})
		defer stop(t, s)
		var goroutines []string
		typ := running(func(ctx context.Context) error {
			name, _, _ := strings.Cut(string(debug.Stack()), " [")
			if goroutines = append(goroutines, name); len(goroutines) == 1 {
				return errCrash
			}
			<-ctx.Done()
			return ctx.Err()
		})
		typ.Backoff.Base = -1
		start(t, s, supervision.ChildSpec{ID: "a", Type: typ})
		synctest.Wait()
		if len(goroutines) != 2 || goroutines[0] == goroutines[1] {
			t.Errorf("ran in %q", goroutines)
		}
	})
}

func TestExitIsAnEndWithTheReason(t *testing.T) {
	kinds := map[string]*supervision.ChildType{
		"server":  typed(script{}),
		"process": running(func(ctx context.Context) error { <-ctx.Done(); return nil }),
	}
	for kind, typ := range kinds {
		for _, row := range []struct {
			reason error
			again  bool
		}{{nil, false}, {supervision.ErrNormal, false}, {supervision.ErrShutdown, false}, {errCrash, true}} {
			t.Run(fmt.Sprintf("%s/%v", kind, row.reason), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					s := supervision.New(supervision.Config{})
					defer stop(t, s)
					c := start(t, s, supervision.ChildSpec{ID: "a", Type: typ})
					if err := c.Exit(row.reason); err != nil {
						t.Fatal(err)
					}
					time.Sleep(time.Second)
					synctest.Wait()
					if got := c.Incarnation() == 2 && c.Phase() == supervision.Running; got != row.again {
						t.Fatalf("phase %v, incarnation %d", c.Phase(), c.Incarnation())
					}
					if crash := c.LastCrash(); row.again && !errors.Is(crash.Reason, errCrash) {
						t.Errorf("last crash %+v", crash)
					}
				})
			})
		}
	}
}

// TestPanicStackNamesTheCulprit: the reason carries what was thrown and where.
func TestPanicStackNamesTheCulprit(t *testing.T) {
	for _, culprit := range []func(){panicking, exiting} {
		synctest.Test(t, func(t *testing.T) {
			s := supervision.New(supervision.Config{})
			defer stop(t, s)
			c := start(t, s, supervision.ChildSpec{ID: "a", Type: typed(script{})})
			if err := c.Cast(culprit); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			crash := c.LastCrash()
			if crash == nil {
				t.Fatal("no crash")
			}
			if stack := crash.Stack.String(); !contains(stack, "supervision_test.panicking") && !contains(stack, "supervision_test.exiting") {
				t.Errorf("%v: stack does not name the function:\n%s", crash.Reason, stack)
			}
		})
	}
}

//go:noinline
func panicking() { panic("boom") }

//go:noinline
func exiting() { runtime.Goexit() }

func TestParksBeyondIntensityAndResumes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := supervision.New(supervision.Config{})
		defer stop(t, s)
		typ := typed(script{})
		bad := start(t, s, supervision.ChildSpec{ID: "bad", Type: typ})
		sibling := start(t, s, supervision.ChildSpec{ID: "good", Type: typ})
		for range 6 {
			if err := bad.Cast(errCrash); err != nil {
				t.Fatal(err)
			}
			time.Sleep(5 * time.Second)
			synctest.Wait()
		}
		if bad.Phase() != supervision.Parked || bad.Incarnation() != 6 || !bad.LastCrash().NextTry.IsZero() {
			t.Fatalf("phase %v, incarnation %d, %+v", bad.Phase(), bad.Incarnation(), bad.LastCrash())
		}
		if sibling.Incarnation() != 1 || sibling.Phase() != supervision.Running {
			t.Errorf("the sibling noticed: %v %d", sibling.Phase(), sibling.Incarnation())
		}
		if got, err := s.Lookup("bad"); err != nil || got != bad {
			t.Errorf("the name was not kept: %v, %v", got, err)
		}
		for _, err := range []error{bad.Cast(1), bad.Info(1), bad.Exit(nil), call(t, bad, 1)} {
			if !errors.Is(err, supervision.ErrParked) {
				t.Errorf("parked child answered %v", err)
			}
		}
		time.Sleep(time.Hour)
		if bad.Phase() != supervision.Parked {
			t.Error("came back by itself")
		}
		if err := s.Resume(t.Context(), "bad"); err != nil {
			t.Fatal(err)
		}
		if bad.Phase() != supervision.Running || bad.Incarnation() != 7 || len(bad.History()) != 0 {
			t.Errorf("after Resume: %v, incarnation %d, history %v", bad.Phase(), bad.Incarnation(), bad.History())
		}
		if err := s.Resume(t.Context(), "bad"); !errors.Is(err, supervision.ErrNotParked) {
			t.Errorf("Resume of a running child = %v", err)
		}
		if err := s.Resume(t.Context(), "unknown"); !errors.Is(err, supervision.ErrNotFound) {
			t.Errorf("Resume of an unknown child = %v", err)
		}
	})
}

// TestHealthySpellResets: crashes far apart neither park nor raise the backoff.
func TestHealthySpellResets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := supervision.New(supervision.Config{Rand: func() float64 { return 0.5 }})
		defer stop(t, s)
		c := start(t, s, supervision.ChildSpec{ID: "a", Type: typed(script{})})
		for i := range 20 {
			if err := c.Cast(errCrash); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			if crash := c.LastCrash(); c.Phase() != supervision.BackingOff || crash.Attempt != 1 || crash.Delay != 50*time.Millisecond {
				t.Fatalf("crash %d: %v %+v", i, c.Phase(), crash)
			}
			time.Sleep(2 * time.Minute)
		}
	})
}

// TestTakeoverKeepsHistory: crashes elsewhere count here.
func TestTakeoverKeepsHistory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := supervision.New(supervision.Config{Rand: func() float64 { return 0.5 }})
		defer stop(t, s)
		now := time.Now()
		history := []time.Time{now.Add(-4 * time.Second), now.Add(-3 * time.Second), now.Add(-2 * time.Second), now.Add(-time.Second)}
		c := start(t, s, supervision.ChildSpec{ID: "a", Type: typed(script{}), History: history, Incarnation: 5})
		if err := c.Cast(errCrash); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if crash := c.LastCrash(); crash.Attempt != 5 || crash.Delay != 800*time.Millisecond || len(c.History()) != 5 {
			t.Fatalf("%+v, history %v", crash, c.History())
		}
		time.Sleep(time.Second)
		if err := c.Cast(errCrash); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if c.Phase() != supervision.Parked {
			t.Errorf("sixth crash within a minute: %v", c.Phase())
		}
	})
}

// TestStartsParked: a record that says parked is loaded without Init, and Resume is its first Init here.
func TestStartsParked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inits, fail := 0, atomic.Bool{}
		fail.Store(true)
		s := supervision.New(supervision.Config{})
		defer stop(t, s)
		typ := typed(script{init: func(context.Context, *supervision.Child) error {
			if inits++; fail.Load() {
				return errCrash
			}
			return nil
		}})
		c := start(t, s, supervision.ChildSpec{ID: "a", Type: typ, Incarnation: 9, Parked: true})
		if inits != 0 || c.Phase() != supervision.Parked || s.CountChildren().Parked != 1 {
			t.Fatalf("inits %d, %v", inits, c.Phase())
		}
		if err := s.Resume(t.Context(), "a"); !errors.Is(err, errCrash) || c.Phase() != supervision.BackingOff {
			t.Fatalf("Resume with a failing Init = %v, %v", err, c.Phase())
		}
		fail.Store(false)
		time.Sleep(time.Second)
		synctest.Wait()
		if c.Phase() != supervision.Running || c.Incarnation() != 11 {
			t.Errorf("%v, incarnation %d", c.Phase(), c.Incarnation())
		}
	})
}

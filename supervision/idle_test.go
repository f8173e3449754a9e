package supervision_test

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"unsafe"

	"trackerfleet/supervision"
)

// TestChildIsSmall: memory comes in sizes, and this is one.
func TestChildIsSmall(t *testing.T) {
	if got := unsafe.Sizeof(supervision.Child{}); got > 112 {
		t.Errorf("a child takes %d bytes, want at most 112", got)
	}
}

// TestIdleServersHaveNoGoroutine: also after they were called, crashed and restarted.
func TestIdleServersHaveNoGoroutine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := supervision.New(supervision.Config{})
		typ := typed(script{})
		var all []*supervision.Child
		for i := range 500 {
			all = append(all, start(t, s, supervision.ChildSpec{ID: fmt.Sprint(i), Type: typ}))
		}
		for _, c := range all {
			if err := call(t, c, 1); err != nil {
				t.Fatal(err)
			}
			if err := c.Cast(errCrash); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(time.Second)
		synctest.Wait()
		dump := make([]byte, 1<<20)
		dump = dump[:runtime.Stack(dump, true)]
		if n := strings.Count(string(dump), "supervision.(*"); n > 0 {
			t.Errorf("%d frames of goroutines for 500 idle servers:\n%s", n, dump)
		}
		for _, c := range all {
			if c.Phase() != supervision.Running || c.Incarnation() != 2 {
				t.Fatalf("%q: %v, incarnation %d", c.ID(), c.Phase(), c.Incarnation())
			}
		}
		stop(t, s)
	})
}

// TestHibernationKeepsState: the same value, the same incarnation.
func TestHibernationKeepsState(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := supervision.New(supervision.Config{})
		defer stop(t, s)
		n := 0
		c := start(t, s, supervision.ChildSpec{ID: "a", Type: typed(script{
			call: func(_ context.Context, call *supervision.Call) error { n++; call.Reply(n, nil); return nil },
		})})
		for want := 1; want <= 3; want++ {
			if got, err := c.Call(t.Context(), 1); got != want || err != nil || c.Incarnation() != 1 {
				t.Fatalf("Call = %v, %v, incarnation %d, want %d", got, err, c.Incarnation(), want)
			}
			time.Sleep(time.Hour)
		}
	})
}

// TestContextOutlivesHibernation: a goroutine that a handler left behind learns of the end, with its reason.
func TestContextOutlivesHibernation(t *testing.T) {
	for _, end := range []error{supervision.ErrShutdown, errCrash} {
		synctest.Test(t, func(t *testing.T) {
			s := supervision.New(supervision.Config{})
			var contexts []context.Context
			c := start(t, s, supervision.ChildSpec{ID: "a", Type: typed(script{cast: func(ctx context.Context, msg any) error {
				if err, ok := msg.(error); ok {
					return err
				}
				derived, cancel := context.WithCancel(ctx)
				context.AfterFunc(derived, cancel)
				contexts = append(contexts, ctx, derived)
				return nil
			}})})
			for range 2 {
				if err := c.Cast(1); err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
			}
			dump := make([]byte, 1<<20)
			if dump = dump[:runtime.Stack(dump, true)]; strings.Contains(string(dump), "propagateCancel") {
				t.Error("a derived context needs a goroutine")
			}
			for _, ctx := range contexts {
				if ctx.Err() != nil || context.Cause(ctx) != nil {
					t.Fatalf("ended by hibernation: %v", context.Cause(ctx))
				}
			}
			if err := c.Cast(end); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			for _, ctx := range contexts {
				<-ctx.Done()
				if context.Cause(ctx) != end {
					t.Errorf("cause %v, want %v", context.Cause(ctx), end)
				}
			}
			stop(t, s)
		})
	}
}

// TestOrderPerSender: waking and hibernating all the time, no message is lost, doubled or overtaken.
func TestOrderPerSender(t *testing.T) {
	s := newRegistered()
	defer stop(t, s)
	const senders, messages = 4, 3000
	got := make([][]int, senders)
	busy := 0
	typ := typed(script{cast: func(_ context.Context, msg any) error {
		if busy++; busy != 1 {
			t.Error("two handlers at a time")
		}
		m := msg.([2]int)
		got[m[0]] = append(got[m[0]], m[1])
		busy--
		return nil
	}})
	typ.MailboxLimit = senders*messages + 1
	c := start(t, s, supervision.ChildSpec{ID: "a", Type: typ})
	var wg sync.WaitGroup
	for sender := range senders {
		wg.Go(func() {
			for i := range messages {
				if err := c.Cast([2]int{sender, i}); err != nil {
					t.Error(err)
				}
				if i%50 == sender {
					runtime.Gosched()
				}
			}
		})
	}
	wg.Wait()
	if err := call(t, c, 1); err != nil {
		t.Fatal(err)
	}
	for sender := range senders {
		if len(got[sender]) != messages || !slices.IsSorted(got[sender]) {
			t.Errorf("sender %d: %d messages, in order %v", sender, len(got[sender]), slices.IsSorted(got[sender]))
		}
	}
}

// TestMassCrashIsPaced: the worker-wide budget spreads the restarts, and loses none.
func TestMassCrashIsPaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := supervision.New(supervision.Config{RestartBudget: supervision.RestartBudget{Restarts: 10, Period: time.Second}})
		var mu sync.Mutex
		var restarts []time.Duration
		began := time.Now()
		typ := typed(script{init: func(_ context.Context, c *supervision.Child) error {
			if c.Incarnation() > 1 {
				mu.Lock()
				defer mu.Unlock()
				restarts = append(restarts, time.Since(began))
			}
			return nil
		}})
		typ.Backoff.Base = -1
		const children = 100
		for _, id := range ids(children) {
			c := start(t, s, supervision.ChildSpec{ID: id, Type: typ})
			if err := c.Cast(errCrash); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if len(restarts) != children || s.CountChildren().Running != children {
			t.Fatalf("%d restarts, %+v", len(restarts), s.CountChildren())
		}
		for i := range restarts {
			if i >= 20 && restarts[i]-restarts[i-20] < time.Second {
				t.Fatalf("21 restarts within %v", restarts[i]-restarts[i-20])
			}
		}
		if last := restarts[children-1]; last > 10*time.Second {
			t.Errorf("the last after %v", last)
		}
		stop(t, s)
	})
}

package supervision_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"trackerfleet/supervision"
)

// TestFiveDistinctCallErrors: unknown, crashed while serving, stopped, timed out, calling itself.
func TestFiveDistinctCallErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := supervision.New(supervision.Config{})
		defer stop(t, s)
		_, unknown := s.Call(t.Context(), "nobody", 1)
		a := start(t, s, supervision.ChildSpec{ID: "a", Type: typed(script{})})
		crashed := call(t, a, errCrash)
		gone := start(t, s, supervision.ChildSpec{ID: "b", Type: typed(script{})})
		if err := s.TerminateChild(t.Context(), "b"); err != nil {
			t.Fatal(err)
		}
		stopped := call(t, gone, 1)
		began := time.Now()
		slow := start(t, s, supervision.ChildSpec{ID: "c", Type: typed(script{})})
		timeout := call(t, slow, func() { time.Sleep(time.Minute) })
		if took := time.Since(began); took != 5*time.Second {
			t.Errorf("without a deadline a call takes %v", took)
		}
		own := start(t, s, supervision.ChildSpec{ID: "d", Type: typed(script{
			call: func(ctx context.Context, call *supervision.Call) error {
				self, _ := supervision.FromContext(ctx)
				derived, cancel := context.WithTimeout(ctx, time.Minute)
				defer cancel()
				_, err := self.Call(derived, 1)
				call.Reply(nil, err)
				return nil
			},
		})})
		itself := call(t, own, 1)
		all := []error{
			supervision.ErrNotFound, supervision.ErrCrashed, supervision.ErrStopped, supervision.ErrTimeout, supervision.ErrCallingSelf,
		}
		for i, got := range []error{unknown, crashed, stopped, timeout, itself} {
			for j, target := range all {
				if errors.Is(got, target) != (i == j) {
					t.Errorf("%v: being %v is %v", got, target, i != j)
				}
			}
		}
		var why *supervision.CrashedError
		if !errors.As(crashed, &why) || why.ID != "a" || why.Incarnation != 1 || !errors.Is(why.Reason, errCrash) || errors.Is(crashed, errCrash) {
			t.Errorf("crashed: %+v", why)
		}
		time.Sleep(time.Hour)
	})
}

func TestUnknownMessageIsAReply(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := supervision.New(supervision.Config{})
		defer stop(t, s)
		unknown := func(context.Context, any) error { return supervision.ErrUnknownMessage }
		c := start(t, s, supervision.ChildSpec{ID: "a", Type: typed(script{
			call: func(context.Context, *supervision.Call) error { return supervision.ErrUnknownMessage },
			cast: unknown, info: unknown,
		})})
		if err := errors.Join(c.Cast(1), c.Info(1)); err != nil {
			t.Fatal(err)
		}
		if err := call(t, c, 1); !errors.Is(err, supervision.ErrUnknownMessage) {
			t.Errorf("Call = %v", err)
		}
		if c.Incarnation() != 1 {
			t.Error("crashed on it")
		}
	})
}

func TestReplyOnceFromAnywhereLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := supervision.New(supervision.Config{})
		defer stop(t, s)
		counted := make(chan bool, 2)
		c := start(t, s, supervision.ChildSpec{ID: "a", Type: typed(script{call: func(_ context.Context, call *supervision.Call) error {
			for i := range 2 {
				go func() {
					time.Sleep(time.Duration(i+1) * time.Second)
					counted <- call.Reply(i, nil)
				}()
			}
			return nil
		}})})
		got, err := c.Call(t.Context(), 1)
		if got != 0 || err != nil || !<-counted || <-counted {
			t.Errorf("Call = %v, %v", got, err)
		}
	})
}

// TestOwedRepliesFailWithTheIncarnation: a reply left for later is not waited for when the child is gone.
func TestOwedRepliesFailWithTheIncarnation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := supervision.New(supervision.Config{})
		defer stop(t, s)
		var kept []*supervision.Call
		c := start(t, s, supervision.ChildSpec{ID: "a", Type: typed(script{call: func(_ context.Context, call *supervision.Call) error {
			kept = append(kept, call)
			return nil
		}})})
		for _, end := range []struct {
			reason, want error
		}{{errCrash, supervision.ErrCrashed}, {supervision.ErrShutdown, supervision.ErrStopped}} {
			results := make(chan error, 3)
			for range 3 {
				go func() { results <- call(t, c, 1) }()
			}
			synctest.Wait()
			kept[len(kept)-2].Reply(nil, nil) // out of the middle
			if err := <-results; err != nil {
				t.Error(err)
			}
			if err := c.Exit(end.reason); err != nil {
				t.Fatal(err)
			}
			for range 2 {
				if err := <-results; !errors.Is(err, end.want) {
					t.Errorf("got %v, want %v", err, end.want)
				}
			}
			if kept[len(kept)-1].Reply(nil, nil) {
				t.Error("a reply of the ended incarnation counts")
			}
			time.Sleep(time.Second)
		}
	})
}

// TestStoppedWhileServing: the caller is answered although the handler returned without a reply.
func TestStoppedWhileServing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := supervision.New(supervision.Config{})
		defer stop(t, s)
		c := start(t, s, supervision.ChildSpec{ID: "a", Type: typed(script{
			call: func(ctx context.Context, _ *supervision.Call) error { <-ctx.Done(); return nil },
		})})
		result := make(chan error)
		go func() { result <- call(t, c, 1) }()
		synctest.Wait()
		if err := s.TerminateChild(t.Context(), "a"); err != nil {
			t.Error(err)
		}
		if err := <-result; !errors.Is(err, supervision.ErrStopped) {
			t.Errorf("Call = %v", err)
		}
	})
}

// TestPoisonMessage: handled once; what is behind it is handled after the restart, in order.
func TestPoisonMessage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := supervision.New(supervision.Config{})
		defer stop(t, s)
		var handled []int
		hold := make(chan struct{})
		c := start(t, s, supervision.ChildSpec{ID: "a", Type: typed(script{cast: func(_ context.Context, msg any) error {
			switch n := msg.(int); {
			case n == 0:
				<-hold
			case n == 3:
				handled = append(handled, n)
				panic("poison")
			default:
				handled = append(handled, n)
			}
			return nil
		}})})
		for n := range 7 {
			if err := c.Cast(n); err != nil {
				t.Fatal(err)
			}
		}
		close(hold)
		if err := call(t, c, 1); err != nil { // waits through the restart
			t.Error(err)
		}
		if want := []int{1, 2, 3, 4, 5, 6}; !slices.Equal(handled, want) || c.Incarnation() != 2 {
			t.Errorf("handled %v, incarnation %d", handled, c.Incarnation())
		}
	})
}

func TestCallDuringBackoffEndsWithItsDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		served := 0
		s := supervision.New(supervision.Config{Rand: func() float64 { return 0.5 }})
		defer stop(t, s)
		typ := typed(script{call: func(_ context.Context, call *supervision.Call) error { served++; call.Reply(1, nil); return nil }})
		typ.Backoff.Base = 10 * time.Second
		c := start(t, s, supervision.ChildSpec{ID: "a", Type: typ})
		if err := c.Cast(errCrash); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if err := c.Exit(nil); !errors.Is(err, supervision.ErrNotRunning) {
			t.Errorf("Exit in backoff = %v", err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := c.Call(ctx, 1); !errors.Is(err, supervision.ErrTimeout) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Call = %v", err)
		}
		if err := call(t, c, 1); err != nil || served != 1 {
			t.Errorf("%v, served %d: a call whose caller left was served", err, served)
		}
	})
}

func TestMailboxIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := supervision.New(supervision.Config{})
		hold := make(chan struct{})
		typ := typed(script{})
		typ.MailboxLimit = 3
		c := start(t, s, supervision.ChildSpec{ID: "a", Type: typ})
		if err := c.Cast(func() { <-hold }); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		for range 3 {
			go func() { _, _ = c.Call(ctx, 1) }()
		}
		synctest.Wait()
		for _, err := range []error{c.Cast(1), c.Info(1), call(t, c, 1)} {
			if !errors.Is(err, supervision.ErrOverloaded) {
				t.Errorf("full, but %v", err)
			}
		}
		time.Sleep(2 * time.Second) // the callers have left and their calls make room
		for range 3 {
			if err := c.Cast(1); err != nil {
				t.Error(err)
			}
		}
		if err := c.Cast(1); !errors.Is(err, supervision.ErrOverloaded) {
			t.Errorf("full again, but %v", err)
		}
		if err := c.Exit(supervision.ErrNormal); err != nil {
			t.Errorf("Exit needs no room: %v", err)
		}
		close(hold)
		synctest.Wait()
		if c.Phase() != supervision.Stopped {
			t.Errorf("phase %v", c.Phase())
		}
		stop(t, s)
	})
}

func TestProcessTakesNoMessages(t *testing.T) {
	s := newRegistered()
	defer stop(t, s)
	c := start(t, s, supervision.ChildSpec{ID: "a", Type: running(func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() })})
	for _, err := range []error{c.Cast(1), c.Info(1), call(t, c, 1)} {
		if !errors.Is(err, supervision.ErrNoMailbox) {
			t.Errorf("got %v", err)
		}
	}
}

package supervision_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"trackerfleet/supervision"
)

// TestTerminateKnowsItsTime: the context has the deadline after which the child is abandoned, for those who ask and those who
// wait.
func TestTerminateKnowsItsTime(t *testing.T) {
	for name, wait := range map[string]func(context.Context) error{
		"done": func(ctx context.Context) error { <-ctx.Done(); return context.Cause(ctx) },
		"err":  func(ctx context.Context) error { time.Sleep(2 * time.Second); return ctx.Err() },
		"child": func(ctx context.Context) error {
			c, cancel := context.WithCancel(ctx)
			defer cancel()
			<-c.Done()
			return c.Err()
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := supervision.New(supervision.Config{})
				began := time.Now()
				ended := make(chan error, 1)
				typ := typed(script{terminate: func(ctx context.Context, _ error) {
					if deadline, ok := ctx.Deadline(); !ok || deadline.Sub(began) != 2*time.Second || ctx.Err() != nil {
						t.Errorf("deadline %v, %v, %v", deadline, ok, ctx.Err())
					}
					ended <- wait(ctx)
				}})
				typ.Shutdown = supervision.Shutdown(2 * time.Second)
				start(t, s, supervision.ChildSpec{ID: "a", Type: typ})
				if err := s.TerminateChild(t.Context(), "a"); err != nil {
					t.Fatal(err)
				}
				if err := <-ended; !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("ended with %v", err)
				}
				synctest.Wait()
				stop(t, s)
			})
		})
	}
}

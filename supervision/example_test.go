package supervision_test

import (
	"context"
	"errors"
	"fmt"

	"trackerfleet/registry"
	"trackerfleet/supervision"
)

// tracker follows one transaction; its state is what the article's is.
type tracker struct{ id string }

func (t *tracker) Init(_ context.Context, c *supervision.Child) error {
	t.id = c.ID()
	return nil
}

func (t *tracker) HandleCall(_ context.Context, call *supervision.Call) error {
	if call.Message != "state" {
		return supervision.ErrUnknownMessage
	}
	call.Reply(t.id, nil)
	return nil
}

func (t *tracker) HandleCast(context.Context, any) error { return supervision.ErrUnknownMessage }
func (t *tracker) HandleInfo(context.Context, any) error { return supervision.ErrUnknownMessage }
func (t *tracker) Terminate(context.Context, error)      {}

// The session of the article: start, look up, crash, look up again, the same state.
func Example() {
	ctx := context.Background()
	names := registry.NewOwners((*supervision.Child).ID)
	trackers := supervision.New(supervision.Config{Registry: names})
	transaction := &supervision.ChildType{
		Name:   "transaction",
		Server: func(*supervision.Child) supervision.Server { return &tracker{} },
	}

	c, err := trackers.StartChild(ctx, supervision.ChildSpec{ID: "txn_01dp371w0f", Type: transaction})
	fmt.Println(c.ID(), c.Incarnation(), err)

	_, err = trackers.StartChild(ctx, supervision.ChildSpec{ID: "txn_01dp371w0f", Type: transaction})
	fmt.Println(err)

	_ = c.Exit(errors.New("its_a_crash"))
	state, err := c.Call(ctx, "state") // waits for the restart
	fmt.Println(state, c.Incarnation(), err)

	found, ok := names.Lookup("txn_01dp371w0f")
	fmt.Println(found == c, ok)

	_, err = c.Call(ctx, "nonsense")
	fmt.Println(err)

	fmt.Println(trackers.TerminateChild(ctx, "txn_01dp371w0f"), names.Len())
	fmt.Println(trackers.Stop(ctx))
	// Output:
	// txn_01dp371w0f 1 <nil>
	// supervision: already started: "txn_01dp371w0f"
	// txn_01dp371w0f 2 <nil>
	// true true
	// supervision: unknown message
	// <nil> 0
	// <nil>
}

func ExampleBackoff_Ceiling() {
	for attempt := 1; attempt <= 10; attempt += 3 {
		fmt.Println(supervision.Backoff{}.Ceiling(attempt))
	}
	// Output:
	// 100ms
	// 800ms
	// 6.4s
	// 30s
}

func ExampleFromContext() {
	s := supervision.New(supervision.Config{})
	greet := func(ctx context.Context) error {
		c, _ := supervision.FromContext(ctx)
		fmt.Println("running", c.ID())
		<-ctx.Done()
		return ctx.Err()
	}
	typ := &supervision.ChildType{Process: func(*supervision.Child) supervision.Process { return process(greet) }}
	_, err := s.StartChild(context.Background(), supervision.ChildSpec{ID: "follower", Type: typ})
	fmt.Println(err, s.Stop(context.Background()))
	// Unordered output:
	// running follower
	// <nil> <nil>
}

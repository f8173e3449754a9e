package peers

import (
	"context"
	"testing"
	"time"

	"trackerfleet/registry"
	"trackerfleet/supervision"
)

// supervised are the fleet's own supervisor and registry.
type supervised struct{ sup *supervision.Supervisor }

var echoType = &supervision.ChildType{
	Name:      "echo",
	Server:    func(c *supervision.Child) supervision.Server { return echo{c} },
	Backoff:   supervision.Backoff{Base: -1},
	Intensity: supervision.Intensity{MaxRestarts: 1 << 30},
}

func newSupervised() fleet {
	return supervised{supervision.New(supervision.Config{
		Registry:      registry.NewOwners((*supervision.Child).ID),
		RestartBudget: supervision.RestartBudget{Restarts: -1},
		CallTimeout:   -1, // the callers' contexts bound the calls
	})}
}

func (f supervised) start(b testing.TB, ids []string) {
	for _, id := range ids {
		if _, err := f.sup.StartChild(context.Background(), supervision.ChildSpec{ID: id, Type: echoType}); err != nil {
			b.Fatal(err)
		}
	}
}

func (f supervised) child(b testing.TB, id string) child {
	c, err := f.sup.Lookup(id)
	if err != nil {
		b.Fatal(err)
	}
	return supervisedChild{c}
}

func (f supervised) stop(b testing.TB) {
	if err := f.sup.Stop(context.Background()); err != nil {
		b.Fatal(err)
	}
}

type supervisedChild struct{ *supervision.Child }

func (c supervisedChild) call(b testing.TB, n int) int {
	answer, err := c.Call(b.Context(), n)
	if err != nil {
		b.Fatal(err)
	}
	return answer.(int)
}

func (c supervisedChild) crash(b testing.TB, away chan<- time.Duration) {
	if err := c.Cast(crash{away}); err != nil {
		b.Fatal(err)
	}
}

type echo struct{ child *supervision.Child }

func (echo) Init(context.Context, *supervision.Child) error { return nil }

func (echo) HandleCall(_ context.Context, call *supervision.Call) error {
	call.Reply(call.Message, nil)
	return nil
}

func (e echo) HandleCast(_ context.Context, msg any) error {
	switch m := msg.(type) {
	case crash:
		if err := e.child.Cast(m.now()); err != nil {
			return err
		}
		panic("crash")
	case alive:
		m.tell()
	}
	return nil
}

func (echo) HandleInfo(context.Context, any) error { return supervision.ErrUnknownMessage }
func (echo) Terminate(context.Context, error)      {}

package peers

import (
	"log/slog"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"
)

// actors are children of one actor that restarts them always; their names are in the actor system's process registry.
type actors struct {
	system *actor.ActorSystem
	parent *actor.PID
}

func newProtoactor() fleet {
	system := actor.NewActorSystem(actor.WithLoggerFactory(func(*actor.ActorSystem) *slog.Logger {
		return slog.New(slog.DiscardHandler)
	}))
	props := actor.PropsFromProducer(func() actor.Actor { return parent{} }, actor.WithSupervisor(actor.NewRestartingStrategy()))
	return &actors{system: system, parent: system.Root.Spawn(props)}
}

// spawn tells the parent to start children, at once and not one by one, which is what it is fastest at.
type spawn struct {
	ids   []string
	begun *gate
	fault chan error
}

func (f *actors) start(b testing.TB, ids []string) {
	order := spawn{ids, newGate(len(ids)), make(chan error, 1)}
	f.system.Root.Send(f.parent, order)
	select {
	case <-order.begun.open:
	case err := <-order.fault:
		b.Fatal(err)
	}
}

func (f *actors) child(b testing.TB, id string) child {
	name := f.parent.Id + "/" + id
	if _, ok := f.system.ProcessRegistry.GetLocal(name); !ok {
		b.Fatalf("no %s", id)
	}
	return actorChild{f.system, f.system.NewLocalPID(name)}
}

func (f *actors) stop(b testing.TB) {
	if err := f.system.Root.StopFuture(f.parent).Wait(); err != nil && err != actor.ErrTimeout {
		b.Fatal(err)
	}
	f.system.Shutdown()
}

type parent struct{}

func (parent) Receive(ctx actor.Context) {
	order, ok := ctx.Message().(spawn)
	if !ok {
		return
	}
	props := actor.PropsFromProducer(func() actor.Actor { return echoActor{order.begun} })
	for _, id := range order.ids {
		if _, err := ctx.SpawnNamed(props, id); err != nil {
			order.fault <- err
			return
		}
	}
}

type echoActor struct{ begun *gate }

func (a echoActor) Receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *actor.Started:
		a.begun.come()
	case int:
		ctx.Respond(m)
	case crash:
		ctx.Send(ctx.Self(), m.now())
		panic("crash")
	case alive:
		m.tell()
	}
}

type actorChild struct {
	system *actor.ActorSystem
	pid    *actor.PID
}

// noTimeout: a call waits without a timer, as those of the others do.
const noTimeout = -1

func (c actorChild) call(b testing.TB, n int) int {
	answer, err := c.system.Root.RequestFuture(c.pid, n, noTimeout).Result()
	if err != nil {
		b.Fatal(err)
	}
	return answer.(int)
}

func (c actorChild) crash(_ testing.TB, away chan<- time.Duration) {
	c.system.Root.Send(c.pid, crash{away})
}

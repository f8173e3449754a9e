package workers

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go"

	"trackerfleet/bus"
)

// silent reports whether an owner was not heard for a lease. Who has not listened for a lease can say that of nobody.
func (w *Worker) silent(owner bus.Owner) bool {
	return w.settled.Load() && !w.pulse.Alive(owner.Worker, owner.Incarnation)
}

// askOwner asks the owner of id, another worker, and passes its answer on to the caller. The owner does not answer the caller
// itself: who publishes on another's behalf is not told that nobody is there, as while a partition changes hands or its owner has
// just died, and the caller would wait for nothing. It fails with [bus.ErrUnavailable] when nobody can be asked, and with the cause
// of ctx when no answer came.
func (w *Worker) askOwner(ctx context.Context, id bus.ID, name string, r request) error {
	owner := w.owners.of(id.Partition())
	if r.direct || owner.State != bus.Owned || owner.HeldBy(w.cfg.Name, w.incarnation) || w.silent(owner) {
		return bus.ErrUnavailable
	}
	if err := w.service.responder.CheckReply(r.Reply()); err != nil {
		w.replied(err)
		return nil
	}
	m := nats.NewMsg(bus.RequestSubject(id.Partition(), name, id.Token()))
	m.Data, m.Header = r.body, r.header
	answer, err := w.nc.RequestMsgWithContext(ctx, m)
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.Is(err, nats.ErrNoResponders):
		return bus.ErrUnavailable
	case err != nil:
		return fmt.Errorf("%w: %w", bus.ErrUnavailable, err)
	}
	back := nats.NewMsg(r.Reply())
	back.Data, back.Header = answer.Data, answer.Header
	w.replied(w.nc.PublishMsg(back))
	return nil
}

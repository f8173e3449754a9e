package workers

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go"

	"trackerfleet/bus"
)

// ownerElsewhere returns the owner of id's partition if it is another worker that counts as alive. quiet says that it may be
// dead already.
func (w *Worker) ownerElsewhere(id bus.ID) (quiet, ok bool) {
	owner := w.owners.of(id.Partition())
	if owner.State != bus.Owned || owner.HeldBy(w.cfg.Name, w.incarnation) || !w.pulse.Alive(owner.Worker, owner.Incarnation) {
		return false, false
	}
	return w.pulse.Quiet(owner.Worker, owner.Incarnation), true
}

// passOn sends a request that came by the public subject to the owner of its transaction, another worker, with the caller's
// reply subject kept, so that the owner answers the caller. It reports whether it did. An owner that may be dead is left to
// [Worker.askQuiet].
func (w *Worker) passOn(id bus.ID, name string, r request) bool {
	if r.direct {
		return false
	}
	quiet, ok := w.ownerElsewhere(id)
	if !ok || quiet {
		return false
	}
	if err := w.service.responder.CheckReply(r.Reply()); err != nil {
		w.replied(err)
		return true
	}
	return w.nc.PublishMsg(onward(id, name, r, r.Reply())) == nil
}

// askQuiet asks an owner that may be dead and passes its answer on, so that the caller does not wait for one that nobody gives. It
// fails with [bus.ErrUnavailable] when nobody is there to be asked, and with the cause of ctx when no answer came.
func (w *Worker) askQuiet(ctx context.Context, id bus.ID, name string, r request) error {
	if quiet, ok := w.ownerElsewhere(id); r.direct || !ok || !quiet {
		return bus.ErrUnavailable
	}
	if err := w.service.responder.CheckReply(r.Reply()); err != nil {
		w.replied(err)
		return nil
	}
	answer, err := w.nc.RequestMsgWithContext(ctx, onward(id, name, r, ""))
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

// onward is a request as the owner of its transaction takes it.
func onward(id bus.ID, name string, r request, reply string) *nats.Msg {
	m := nats.NewMsg(bus.RequestSubject(id.Partition(), name, id.Token()))
	m.Data, m.Header, m.Reply = r.body, r.header, reply
	return m
}

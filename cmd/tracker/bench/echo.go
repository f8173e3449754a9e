package bench

import (
	"context"
	"fmt"
	"sync/atomic"

	"github.com/nats-io/nats.go"
)

// Echo answers bare requests with what it was told to answer, until ctx ends; it returns nil then. It calls ready once it does.
func Echo(ctx context.Context, nc *nats.Conn, ready func()) error {
	var reply atomic.Pointer[[]byte]
	reply.Store(new([]byte))
	for subject, answer := range map[string]nats.MsgHandler{
		requestSubject: func(m *nats.Msg) { _ = m.Respond(*reply.Load()) }, // who asked sees that no answer comes
		replySubject: func(m *nats.Msg) {
			reply.Store(&m.Data)
			_ = m.Respond(nil)
		},
	} {
		if _, err := nc.Subscribe(subject, answer); err != nil {
			return fmt.Errorf("bench: echo: %w", err)
		}
	}
	if err := nc.FlushTimeout(requestLimit); err != nil {
		return fmt.Errorf("bench: echo: %w", err)
	}
	ready()
	<-ctx.Done()
	return nil
}

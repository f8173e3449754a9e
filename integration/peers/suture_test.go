package peers

import (
	"context"
	"math"
	"testing"

	"github.com/thejerf/suture/v4"
)

// sutured are services of one suture supervisor. It has no names and no mailboxes: a map with a lock and channels are added.
type sutured struct {
	sup   *suture.Supervisor
	names lockedMap
	end   context.CancelFunc
	ended <-chan error
}

func newSuture() fleet {
	sup := suture.New("peers", suture.Spec{
		EventHook:        func(suture.Event) {},
		FailureThreshold: math.MaxFloat64, // restarts without backoff
	})
	ctx, end := context.WithCancel(context.Background())
	return &sutured{sup: sup, end: end, ended: sup.ServeBackground(ctx)}
}

func (f *sutured) start(b testing.TB, ids []string) {
	begun := newGate(len(ids))
	for _, id := range ids {
		s := &service{id: id, box: make(mailbox, mailboxSize), begun: begun}
		if !f.names.register(id, s.box) {
			b.Fatalf("%s is taken", id)
		}
		f.sup.Add(s)
	}
	<-begun.open
}

func (f *sutured) child(b testing.TB, id string) child {
	box, ok := f.names.lookup(id)
	if !ok {
		b.Fatalf("no %s", id)
	}
	return box
}

func (f *sutured) stop(b testing.TB) {
	f.end()
	if err := <-f.ended; err != context.Canceled {
		b.Fatal(err)
	}
}

type service struct {
	id    string
	box   mailbox
	begun *gate
}

func (s *service) String() string { return s.id }

func (s *service) Serve(ctx context.Context) error {
	s.begun.come()
	for {
		select {
		case msg := <-s.box:
			s.box.handle(msg)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

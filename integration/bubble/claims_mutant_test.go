package bubble

import (
	"context"
	"encoding/json"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"trackerfleet/bus"
)

// byPut claims without looking.
type byPut struct {
	*bus.Claims
	js jetstream.JetStream
}

func (m byPut) Claim(ctx context.Context, worker, incarnation string, seen ...bus.Owner) (won, lost []bus.Owner, err error) {
	for _, o := range seen {
		o = bus.Owner{Partition: o.Partition, Worker: worker, Incarnation: incarnation, State: bus.Owned}
		body, err := json.Marshal(o)
		if err != nil {
			return won, nil, err
		}
		ack, err := m.js.Publish(ctx, bus.OwnerSubject(o.Partition), body)
		if err != nil {
			return won, nil, err
		}
		o.Epoch = ack.Sequence
		won = append(won, o)
	}
	return won, nil, nil
}

// staleReads answers with what it read the time before, as a replica may that is behind.
type staleReads struct {
	*bus.Claims
	mu     sync.Mutex
	before map[int]bus.Owner
}

func (m *staleReads) OwnersOf(ctx context.Context, partitions ...int) ([]bus.Owner, error) {
	owners, err := m.Claims.OwnersOf(ctx, partitions...)
	m.mu.Lock()
	defer m.mu.Unlock()
	for i, o := range owners {
		if old, ok := m.before[o.Partition]; ok {
			owners[i] = old
		}
		m.before[o.Partition] = o
	}
	return owners, err
}

// TestClaimHistoriesOfMutantsAreNot shows that the model tells a claim by compare-and-set from others.
func TestClaimHistoriesOfMutantsAreNot(t *testing.T) {
	for name, mutate := range map[string]func(*bus.Claims, *nats.Conn) claimer{
		"claim by put": func(c *bus.Claims, nc *nats.Conn) claimer {
			js, err := jetstream.New(nc)
			if err != nil {
				panic(err)
			}
			return byPut{c, js}
		},
		"stale reads": func(c *bus.Claims, _ *nats.Conn) claimer {
			return &staleReads{Claims: c, before: make(map[int]bus.Owner)}
		},
	} {
		h := inBubble(t, func(s *site) *history { return race(s, 1, mutate) })
		if got := porcupine.CheckOperationsTimeout(registers, h.operations, 20*time.Second); got != porcupine.Illegal {
			t.Errorf("%s: a history of %d operations is %v", name, len(h.operations), got)
		}
	}
}

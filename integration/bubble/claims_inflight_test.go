package bubble

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"trackerfleet/bus"
)

// concludes claims by compare-and-set, one record after the other, and draws a conclusion from error 10164 without reading again.
type concludes struct {
	*bus.Claims
	js    jetstream.JetStream
	owned bool // the conclusion is that the partition is its own; else: another's
}

func (m concludes) Claim(ctx context.Context, worker, incarnation string, seen ...bus.Owner) (won, lost []bus.Owner, err error) {
	for _, o := range seen {
		next := bus.Owner{Partition: o.Partition, Worker: worker, Incarnation: incarnation, State: bus.Owned}
		body, err := json.Marshal(next)
		if err != nil {
			return won, lost, err
		}
		ack, err := m.js.Publish(ctx, bus.OwnerSubject(o.Partition), body, jetstream.WithExpectLastSequencePerSubject(o.Epoch))
		var refused *jetstream.APIError
		switch {
		case err == nil:
			next.Epoch = ack.Sequence
			won = append(won, next)
		case !errors.As(err, &refused):
			return won, lost, err
		case refused.ErrorCode == 10164 && m.owned:
			next.Epoch = o.Epoch + 1
			won = append(won, next)
		default:
			now, err := m.OwnersOf(ctx, o.Partition)
			if err != nil {
				return won, lost, err
			}
			lost = append(lost, now...)
		}
	}
	return won, lost, nil
}

// TestClaimsInFlightAreReadAgain answers claims with error 10164, of which some are made nevertheless: whoever reads again what
// has become of them tells the truth, and whoever concludes that they are made, or that they are not, is found out.
func TestClaimsInFlightAreReadAgain(t *testing.T) {
	concluding := func(owned bool) func(*bus.Claims, *nats.Conn) claimer {
		return func(c *bus.Claims, nc *nats.Conn) claimer {
			js, err := jetstream.New(nc)
			if err != nil {
				panic(err)
			}
			return concludes{c, js, owned}
		}
	}
	for _, tc := range []struct {
		name     string
		mutate   func(*bus.Claims, *nats.Conn) claimer
		inFlight bool
		sound    bool
	}{
		{"read again", asTheyAre, true, true},
		{"10164 taken as owned", concluding(true), true, false},
		{"10164 taken as lost", concluding(false), true, false},
		{"nothing to conclude from", concluding(false), false, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := newInFlight(false)
			if tc.inFlight {
				c.begin()
			}
			h := inBubble(t, func(s *site) *history {
				s.said, s.answers = c.said, c.answers
				return race(s, 1, tc.mutate)
			})
			if tc.inFlight && (c.stored == 0 || c.refused == 0) {
				t.Errorf("void: %d claims were answered that are made, %d that are not", c.stored, c.refused)
			}
			got := porcupine.CheckOperationsTimeout(registers, h.operations, 20*time.Second)
			if sound := got == porcupine.Ok && len(h.lies) == 0; sound != tc.sound {
				t.Errorf("a history of %d operations is %v, %d lies %v", len(h.operations), got, len(h.lies), h.lies)
			}
		})
	}
}

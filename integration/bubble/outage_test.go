package bubble

import (
	"fmt"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
)

// TestAnOutageOfTheBusMovesNothing stops the server for less and for much more than a lease: every tracker stays where it is, as
// the process that it is. A worker that is heard of again only long after the others loses what it has.
func TestAnOutageOfTheBusMovesNothing(t *testing.T) {
	for _, tc := range []struct {
		name  string
		first []nats.Option // of the first worker's heartbeats
		moves bool
	}{
		{"heartbeats come back with the bus", nil, false},
		{"heartbeats come back late", []nats.Option{
			nats.CustomReconnectDelay(func(int) time.Duration { return 5 * lease }),
		}, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			moved := inBubble(t, func(on *site) []string {
				s := &storm{site: on}
				s.pulseOptions = tc.first
				s.joinAll(1)
				s.pulseOptions = nil
				s.joinAll(2)
				return outages(s)
			})
			if tc.moves != (len(moved) > 0) {
				t.Errorf("what moved: %v", moved)
			}
		})
	}
}

// outages stops the server again and again, and returns what has moved by that, or was answered wrongly.
func outages(s *storm) (moved []string) {
	c := newClient(s.site)
	time.Sleep(4 * lease) // for the partitions to be dealt out evenly
	const trackers = 60
	before := make(map[string]place, trackers)
	for i := range trackers {
		id := fmt.Sprint("t", i)
		c.spawn(id, "pending")
		before[id] = c.where(id)
	}
	moves := s.moves()
	for _, gap := range []time.Duration{100 * time.Millisecond, lease, 10 * lease} {
		s.stopServer()
		time.Sleep(gap)
		s.startServer()
		if fault := c.unowned(time.Now()); fault != "" {
			moved = append(moved, fault)
		}
		time.Sleep(2 * lease)
		for id, was := range before {
			if is := c.where(id); is != was {
				moved = append(moved, fmt.Sprintf("after %v without a server %s is at %+v, was at %+v", gap, id, is, was))
			}
		}
	}
	if now := s.moves(); now != moves {
		moved = append(moved, fmt.Sprintf("%d partitions were taken over", now-moves))
	}
	c.owners.Stop()
	s.end()
	return append(moved, c.lies...)
}

// moves counts the partitions that were claimed by somebody who had not owned them.
func (s *storm) moves() (n int) {
	for _, m := range s.all {
		n += int(m.Stats().PartitionMoves)
	}
	return n
}

// place is where and as what a tracker runs, its epoch aside: that one is new after each claim.
type place struct {
	Worker      string
	Incarnation uint64
	Phase       string
}

func (c *client) where(id string) place {
	t := c.ask("lookup", id, id).Tracker
	return place{t.Worker, t.Incarnation, t.Phase}
}

package bubble

import (
	"fmt"
	"testing"
	"time"
)

// TestAnOutageOfTheBusMovesNothing stops the server for less and for much more than a lease: every tracker stays where it is, as
// the process that it is.
func TestAnOutageOfTheBusMovesNothing(t *testing.T) {
	inBubble(t, func(on *site) (none struct{}) {
		s := &storm{site: on}
		s.joinAll(3)
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
			c.awaitOwners(time.Now())
			time.Sleep(2 * lease)
			for id, was := range before {
				if is := c.where(id); is != was {
					t.Errorf("after %v without a server %s is at %+v, was at %+v", gap, id, is, was)
				}
			}
		}
		if now := s.moves(); now != moves {
			t.Errorf("%d partitions were taken over", now-moves)
		}
		for _, lie := range c.lies {
			t.Error(lie)
		}
		c.owners.Stop()
		s.end()
		return none
	})
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

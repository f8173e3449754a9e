package bubble

import (
	"fmt"
	"testing"
	"time"

	"trackerfleet/integration/checker"
)

// apart is what lies between the signals that one change of a fleet's size sends.
const apart = 20 * time.Millisecond

// scale makes the fleet have n workers and returns when whoever leaves has left and whoever comes has its share.
func (s *storm) scale(n int) {
	for len(s.here) < n {
		s.joinOne()
		time.Sleep(apart)
	}
	leaving := s.here[n:]
	s.here = s.here[:n:n]
	for _, m := range leaving {
		s.leave(m, time.Minute)
		time.Sleep(apart)
	}
	for _, m := range s.here {
		if <-m.started; m.err != nil {
			s.t.Fatal(m.err)
		}
	}
	s.ending.Wait()
	for s.shared() != nil {
		time.Sleep(lease)
	}
}

// shared returns why it is not so that everybody has its share.
func (s *storm) shared() error {
	share := 256 / len(s.here)
	for _, m := range s.here {
		if has := m.Stats().Partitions; has < share || has > share+1 {
			return fmt.Errorf("%s owns %d partitions", m.Name(), has)
		}
	}
	return nil
}

// TestQuickScalingMovesNoMoreThanItMust changes the size of a fleet, all coming or going at nearly the same time: what moves goes to
// where it stays, and nothing moves that need not.
func TestQuickScalingMovesNoMoreThanItMust(t *testing.T) {
	inBubble(t, func(on *site) (none struct{}) {
		s := &storm{site: on}
		s.joinAll(1)
		c := newClient(on)
		for i := range 30 {
			c.spawn(fmt.Sprint("t", i), "pending")
		}
		owners, read := make(map[int]string), 0
		follow := func() checker.Moves {
			time.Sleep(lease) // for the log to be told
			claims := c.owners.Claims()
			m := checker.Follow(owners, claims[read:])
			read = len(claims)
			return m
		}
		follow()
		for _, n := range []int{5, 2, 8, 1} {
			var names []string
			size := len(s.here)
			s.scale(n)
			for _, m := range s.here {
				names = append(names, m.Name())
			}
			least := checker.LeastMoves(owners, names)
			m := follow()
			t.Logf("%d to %d workers: %d partitions moved, %d had to, %d more than once", size, n, m.Total, least, len(m.Twice))
			if m.Total > least || len(m.Twice) > 0 {
				t.Errorf("%d to %d workers: %d partitions moved, %d had to; more than once: %v", size, n, m.Total, least, m.Twice)
			}
		}
		c.stopAll()
		c.owners.Stop()
		s.end()
		return none
	})
}

package bubble

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"
)

// TestADrainingWorkerIsGivenNothing drains one of three workers in less time than lies between two heartbeats: the others take what it
// had, and do not level with a worker that has fewer and fewer partitions.
func TestADrainingWorkerIsGivenNothing(t *testing.T) {
	inBubble(t, func(on *site) (none struct{}) {
		s := &storm{site: on}
		s.joinAll(3)
		c := newClient(on)
		time.Sleep(4 * lease) // for the partitions to be dealt out evenly
		for i := range 30 {
			c.spawn(fmt.Sprint("t", i), "pending")
		}
		drained, others := s.here[0], s.here[1:]
		had, moved := drained.Stats().Partitions, s.moves()
		given := others[0].Stats().HandOvers + others[1].Stats().HandOvers
		m, err := s.nc.Request("tracker.drain", []byte(drained.Name()), time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		var reply struct{ Partitions int }
		if err := json.Unmarshal(m.Data, &reply); err != nil || reply.Partitions != had || had == 0 {
			t.Errorf("%d partitions are drained with %s: %v", had, m.Data, err)
		}
		c.awaitOwners(time.Now())
		if got := s.moves() - moved; got != had {
			t.Errorf("%d partitions moved, %d had to", got, had)
		}
		if n := others[0].Stats().HandOvers + others[1].Stats().HandOvers - given; n > 0 {
			t.Errorf("%d partitions were handed over by others than the one that drains", n)
		}
		c.owners.Stop()
		s.end()
		return none
	})
}

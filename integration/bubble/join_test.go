package bubble

import (
	"fmt"
	"testing"
	"time"
)

// TestAJoinerPassesRequestsOnFromTheFirst: who has joined just now knows the owners of all that it does not have, though it has not
// heard them yet, so that nobody whom it happens to answer is told less than before.
func TestAJoinerPassesRequestsOnFromTheFirst(t *testing.T) {
	inBubble(t, func(on *site) (none struct{}) {
		s := &storm{site: on}
		s.joinAll(2)
		c := newClient(on)
		time.Sleep(4 * lease) // for the partitions to be dealt out evenly
		const trackers = 20
		for i := range trackers {
			c.spawn(fmt.Sprint("t", i), "pending")
		}
		joiner := s.joinOne()
		stale := 0
		for begin, i := time.Now(), 0; time.Since(begin) < lease*9/10; i++ { // before anything is handed over
			if !c.lookup(fmt.Sprint("t", i%trackers)) {
				stale++
			}
			time.Sleep(10 * time.Millisecond)
		}
		if n := joiner.Stats().Lookups; n == 0 {
			t.Error("void: the joiner was asked nothing")
		}
		if stale > 0 {
			t.Errorf("%d answers were stale though every partition had its owner", stale)
		}
		<-joiner.started
		c.owners.Stop()
		s.end()
		return none
	})
}

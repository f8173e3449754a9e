package bubble

import (
	"bytes"
	"fmt"
	"regexp"
	"sync"
	"testing"
	"time"

	"trackerfleet/integration/checker"
)

// headers is the block of headers of one message.
var headers = regexp.MustCompile(`(?s)NATS/1\.0\r\n.*?\r\n\r\n`)

// dropFence renames what makes a message conditional on the owner record; the server does not know it then.
func dropFence(b []byte) []byte {
	return headers.ReplaceAllFunc(b, func(block []byte) []byte {
		if !bytes.Contains(block, []byte("-Subject: tracker.fleet.owner.")) {
			return block
		}
		return dropConditions(block)
	})
}

func dropConditions(b []byte) []byte {
	return bytes.ReplaceAll(b, []byte("\nNats-Expected-"), []byte("\nNope-Expected-"))
}

// TestOnlyTheFenceStopsAZombie lets a worker fall silent while it stores the ends of transactions, has it taken over, and then
// delivers what it had to say: nothing of it counts. Workers whose writes are not fenced are caught by the checker.
func TestOnlyTheFenceStopsAZombie(t *testing.T) {
	for _, tc := range []struct {
		name     string
		mutation func([]byte) []byte
		want     checker.Outcome
	}{
		{"fenced", nil, checker.Held},
		{"fence header dropped", dropFence, checker.Violated},
		{"everything by put", dropConditions, checker.Violated},
	} {
		t.Run(tc.name, func(t *testing.T) {
			v := inBubble(t, func(s *site) checker.Verdict {
				s.mutation = tc.mutation
				return zombie(s)
			})
			if v.Outcome != tc.want {
				t.Errorf("want %s: %s", tc.want, v)
			}
			if v.Outcome == checker.Violated && v.Violations[0].Invariant != 4 {
				t.Errorf("violated for another reason: %s", v)
			}
		})
	}
}

// zombie returns the verdict on a fleet with a worker that was taken for dead while it wrote.
func zombie(on *site) checker.Verdict {
	s := &storm{site: on}
	s.joinAll(2)
	time.Sleep(4 * lease) // for the partitions to be dealt out evenly
	c := newClient(on)
	var doomed []string // on the one that falls silent
	for i := range 40 {
		id := fmt.Sprint("t", i)
		c.spawn(id, "pending")
		if c.where(id).Worker == s.here[0].Name() {
			doomed = append(doomed, id)
		}
	}
	time.Sleep(lease)
	s.here[0].gate.mute()
	var asking sync.WaitGroup
	for _, id := range doomed {
		asking.Go(func() { c.stop(id) })
	}
	claims := on.newClaims()
	on.awaitTakenFrom(claims, on.parseID(doomed[0]), s.here[0].Name())
	s.here[0].gate.resume()
	asking.Wait()
	time.Sleep(2 * lease)
	c.stopAll()
	v, f := c.judge(0, s.fenced())
	if s.mutation == nil && f.fenced == 0 {
		s.t.Error("void: the fence refused nothing")
	}
	c.owners.Stop()
	s.end()
	if err := claims.Close(); err != nil {
		s.t.Error(err)
	}
	return v
}

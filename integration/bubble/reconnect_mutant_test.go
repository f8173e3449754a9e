package bubble

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"trackerfleet/integration/checker"
)

// TestWhatWaitedForAReconnectIsFenced cuts a worker off while it stores the ends of transactions, on connections that keep what
// is published meanwhile and send it once they are back: the fence refuses all of it. Without the fence the checker sees it.
func TestWhatWaitedForAReconnectIsFenced(t *testing.T) {
	for _, tc := range []struct {
		name     string
		mutation tamperer
		want     checker.Outcome
	}{
		{"fenced", nil, checker.Held},
		{"fence header dropped", dropFence, checker.Violated},
	} {
		t.Run(tc.name, func(t *testing.T) {
			v := inBubble(t, func(s *site) checker.Verdict {
				s.options = []nats.Option{nats.ReconnectBufSize(8 << 20)}
				late := &lateWrites{}
				s.said = func(f *frame) {
					late.see(f)
					if tc.mutation != nil {
						tc.mutation(f)
					}
				}
				v := lateReturn(&storm{site: s}, late)
				if late.seen == 0 {
					t.Error("void: nothing had waited")
				}
				return v
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

// lateReturn returns the verdict on a fleet with a worker that is cut off while it writes, and comes back long after.
func lateReturn(s *storm, late *lateWrites) checker.Verdict {
	c := s.joinTwo()
	doomed := s.spawnSome(c)
	time.Sleep(lease)
	cutOff := s.here[0].gate
	cutOff.mute() // it hears what it is asked, and gets no answer to what it writes
	var asking sync.WaitGroup
	for _, id := range doomed {
		asking.Go(func() { c.stop(id) })
	}
	time.Sleep(lease / 10)
	cutOff.cut()
	asking.Wait()
	claims := s.newClaims()
	s.awaitTakenFrom(claims, s.parseID(doomed[0]), s.here[0].Name())
	time.Sleep(5 * lease) // for it to look and to try again, both into the buffer
	late.count(true)
	cutOff.open()
	time.Sleep(lease)
	late.count(false)
	c.stopAll()
	v, _ := c.judge(0, s.fenced())
	c.owners.Stop()
	s.end()
	if err := claims.Close(); err != nil {
		s.t.Error(err)
	}
	return v
}

// lateWrites counts the events that a worker publishes as soon as it is back.
type lateWrites struct {
	mu   sync.Mutex
	on   bool
	seen int
}

func (l *lateWrites) count(on bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.on = on
}

func (l *lateWrites) see(f *frame) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.on && strings.HasPrefix(f.words[0], "tracker.events.") {
		l.seen++
	}
}

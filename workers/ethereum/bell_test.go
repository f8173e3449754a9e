package ethereum_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"trackerfleet/workers/ethereum"
	"trackerfleet/workers/ethereum/ethtest"
	"trackerfleet/workers/source"
)

// slot is the time between two blocks of a chain that takes its time.
const slot = 12 * time.Second

// belled runs test in a bubble with a source that listens to its node's websocket.
func belled(t *testing.T, change func(*ethereum.Config), test func(r *rig)) {
	t.Helper()
	bubble(t, func(c *ethereum.Config) {
		c.Poll, c.Watchdog = 4*time.Second, 30*time.Second
		c.Endpoints[0].WS = "ws://node.test/secretkey"
		if change != nil {
			change(c)
		}
	}, test)
}

// pass lets so much virtual time pass.
func (r *rig) pass(d time.Duration) {
	time.Sleep(d) // virtual
	synctest.Wait()
}

// slots makes n blocks, one every slot.
func (r *rig) slots(n int) {
	for range n {
		r.node.Mine()
		r.pass(slot)
	}
}

// found makes a block and returns after how long it is known.
func (r *rig) found() time.Duration {
	begun := time.Now()
	for b := r.node.Mine(); r.src.Health().Head != b.Number; {
		r.pass(100 * time.Millisecond)
	}
	return time.Since(begun)
}

func (r *rig) bell() string { return r.src.Health().Endpoints[0].Bell }

func (r *rig) wantBell(want string) {
	r.Helper()
	if got := r.bell(); !strings.Contains(got, want) || strings.Contains(got, "secretkey") {
		r.Errorf("the bell is said to be %q, want %q and no secret", got, want)
	}
}

// heads returns how many looks at the head there were.
func (r *rig) heads() int { return r.node.Calls()["eth_getBlockByNumber"] }

func TestARingLeadsToAPollAtOnce(t *testing.T) {
	belled(t, func(c *ethereum.Config) { c.Poll = time.Minute }, func(r *rig) {
		r.wantBell("has not rung yet")
		tx := r.node.NewTx(false)
		w := r.watch(tx, source.Hint{})
		w.want(source.Absent)
		r.node.Mine(tx)
		r.pass(0)
		w.want(source.Included)
		r.wantBell("rings")
		r.pass(slot)
		if took := r.found(); took > 100*time.Millisecond {
			r.Errorf("the next block was found after %v", took)
		}
	})
}

func TestIdleChainCostsFewerCallsWithABell(t *testing.T) {
	for _, test := range []struct {
		name        string
		ws          string
		least, most int
	}{
		{"without", "", 890, 910},
		{"with", "ws://node.test/", 295, 310},
	} {
		t.Run(test.name, func(t *testing.T) {
			belled(t, func(c *ethereum.Config) { c.Endpoints[0].WS = test.ws }, func(r *rig) {
				r.slots(3)
				before := r.heads()
				r.slots(300)
				n := r.heads() - before
				t.Logf("%d looks at the head in an hour of 300 blocks", n)
				if n < test.least || n > test.most {
					t.Errorf("%d looks at the head in an hour, want %d to %d", n, test.least, test.most)
				}
			})
		})
	}
}

func TestWatchdogWhenNothingHappens(t *testing.T) {
	belled(t, nil, func(r *rig) {
		r.slots(2)
		before := r.heads()
		r.pass(time.Hour)
		if n := r.heads() - before; n < 118 || n > 121 {
			t.Errorf("%d looks at a head that stands still for an hour, want one every 30s", n)
		}
		r.wantBell("rings")
	})
}

// A bell that falls silent costs one watchdog's time, once, and is trusted again when it has rung for some heads.
func TestSilentBellCostsOneDelay(t *testing.T) {
	belled(t, nil, func(r *rig) {
		r.slots(3)
		r.node.Misbehave(ethtest.Faults{Bell: ethtest.BellFaults{Silent: true}})
		if took := r.found(); took < 5*time.Second || took > 30*time.Second {
			r.Errorf("the first block of the silence was found after %v", took)
		}
		r.pass(slot)
		r.wantBell("silent since ")
		for range 20 {
			if took := r.found(); took > 4100*time.Millisecond {
				r.Errorf("a block of the silence was found after %v", took)
			}
			r.pass(slot)
		}
		r.wantDegraded(false)
		r.node.Misbehave(ethtest.Faults{})
		r.pass(2 * time.Minute)
		r.slots(1)
		if before := r.heads(); true {
			r.slots(1)
			if n := r.heads() - before; n < 3 {
				r.Errorf("trusted after one ring: %d looks at the head in 12s", n)
			}
		}
		r.slots(100)
		r.wantBell("rings")
		before := r.heads()
		r.slots(10)
		if n := r.heads() - before; n > 11 {
			r.Errorf("not trusted again: %d looks at the head for 10 blocks", n)
		}
	})
}

// What is wrong with a bell decides nothing and is no trouble: there are polls, and attempts that become few.
func TestBadBellIsOnlyNoHelp(t *testing.T) {
	for _, test := range []struct {
		name string
		ethtest.BellFaults
		want string
	}{
		{"refused", ethtest.BellFaults{Status: http.StatusUnauthorized}, "status 401"},
		{"not there", ethtest.BellFaults{Status: http.StatusNotFound}, "status 404"},
		{"is elsewhere", ethtest.BellFaults{Status: http.StatusTemporaryRedirect}, "status 307"},
		{"subscription refused", ethtest.BellFaults{Refuse: true}, "-32601"},
		{"garbage", ethtest.BellFaults{Garbage: true}, "not JSON-RPC"},
		{"huge", ethtest.BellFaults{Huge: 70_000}, "too large"},
		{"drops", ethtest.BellFaults{DropAfter: 1}, ""},
		{"silent", ethtest.BellFaults{Silent: true}, "silent since"},
		{"ghosts", ethtest.BellFaults{Ghosts: true}, "silent since"},
	} {
		t.Run(test.name, func(t *testing.T) {
			belled(t, nil, func(r *rig) {
				r.node.Misbehave(ethtest.Faults{Bell: test.BellFaults})
				r.node.HangUp()
				r.slots(10)
				before, handshakes := r.heads(), r.node.Handshakes()
				late := time.Duration(0)
				for range 50 {
					late = max(late, r.found())
					r.pass(slot)
				}
				if late > 4100*time.Millisecond {
					r.Errorf("a block was found after %v", late)
				}
				if n := r.heads() - before; n > 250 {
					r.Errorf("%d looks at the head for 50 blocks", n)
				}
				if n := r.node.Handshakes() - handshakes; n > 15 {
					r.Errorf("%d handshakes in 13 minutes", n)
				}
				r.wantBell(test.want)
				r.wantDegraded(false)
				r.node.Misbehave(ethtest.Faults{})
				r.slots(80)
				r.wantBell("rings")
			})
		})
	}
}

func TestDroppedBellIsReplacedAndNothingIsLate(t *testing.T) {
	belled(t, nil, func(r *rig) {
		r.slots(3)
		r.node.HangUp()
		r.pass(100 * time.Millisecond)
		r.node.Mine()
		r.pass(4 * time.Second)
		if h := r.src.Health(); h.Head != r.node.Head().Number {
			r.Errorf("at %d, want %d", h.Head, r.node.Head().Number)
		}
		r.slots(1)
		if n := r.node.Listening(); n != 1 {
			r.Errorf("%d subscriptions", n)
		}
		r.wantBell("rings")
	})
}

func TestRingsThatAreTooManyCostNothing(t *testing.T) {
	belled(t, nil, func(r *rig) {
		r.node.Misbehave(ethtest.Faults{Bell: ethtest.BellFaults{Twice: true}})
		r.slots(3)
		before := r.heads()
		r.slots(10)
		if n := r.heads() - before; n > 10 {
			r.Errorf("%d looks at the head for 10 blocks", n)
		}
		before = r.heads()
		for range 1000 { // more than one a gap
			r.node.Mine()
			r.pass(10 * time.Millisecond)
		}
		r.pass(time.Second)
		if h := r.src.Health(); h.Head != r.node.Head().Number {
			r.Errorf("at %d, want %d", h.Head, r.node.Head().Number)
		}
		if n := r.heads() - before - 1000; n > 25 { // every block is read once
			r.Errorf("%d looks at the head in 10s", n)
		}
	})
}

func TestHalfOpenBellIsNoticed(t *testing.T) {
	belled(t, func(c *ethereum.Config) { c.Poll = time.Hour }, func(r *rig) {
		r.node.Misbehave(ethtest.Faults{Bell: ethtest.BellFaults{Deaf: true}})
		r.node.HangUp()
		r.pass(37 * time.Second) // a connection made after 1s, a ping after 30s more, and some for the answer
		r.wantBell("connection was lost")
	})
}

func TestBellFollowsTheEndpointThatIsFollowed(t *testing.T) {
	var other *ethtest.Server
	belled(t, nil, func(r *rig) {
		r.stop()
		other = r.node.Peer(r)
		r.src = r.source(func(c *ethereum.Config) {
			c.Poll = 4 * time.Second
			c.Endpoints = []ethereum.Endpoint{
				{URL: "http://node.test/secretkey", WS: "ws://node.test/secretkey"}, {URL: "http://other.test/", WS: "ws://other.test/"},
			}
			c.Transport = hosts{"node.test": r.node.Transport(), "other.test": other.Transport()}
		})
		r.start()
		r.slots(2)
		if r.node.Listening() != 1 || other.Listening() != 0 {
			r.Errorf("%d and %d listen", r.node.Listening(), other.Listening())
		}
		r.node.Misbehave(ethtest.Faults{Unavailable: true})
		r.slots(3)
		if r.node.Listening() != 0 || other.Listening() != 1 {
			r.Errorf("%d and %d listen after a change of endpoints", r.node.Listening(), other.Listening())
		}
		if h := r.src.Health(); h.Endpoints[1].Bell != "rings" || h.Endpoints[0].Bell != "not listened to" {
			r.Errorf("%+v", h.Endpoints)
		}
	})
}

// hosts carries requests to the node of their host.
type hosts map[string]http.RoundTripper

// RoundTrip carries r.
func (h hosts) RoundTrip(r *http.Request) (*http.Response, error) { return h[r.URL.Host].RoundTrip(r) }

func TestHeadersGoWithTheHandshake(t *testing.T) {
	belled(t, func(c *ethereum.Config) {
		c.Endpoints[0].Headers = http.Header{"Authorization": {"Bearer canary"}}
	}, func(r *rig) {
		if got := r.node.HandshakeHeader().Get("Authorization"); got != "Bearer canary" {
			r.Errorf("the handshake had the authorization %q", got)
		}
	})
}

func TestBellOverANetwork(t *testing.T) {
	t.Parallel()
	node := ethtest.NewServer(t)
	src := running(t, ethereum.Config{
		Chain: ethtest.Chain, Endpoints: []ethereum.Endpoint{{URL: node.URL(), WS: node.WS() + "/secretkey"}}, Poll: time.Minute,
	})
	untilBell(t, src, "has not rung yet")
	tx := node.NewTx(false)
	c, _ := watchGeth(t, src, `{"hash":"`+tx.Hash+`"}`)
	c.next(t, source.Absent)
	node.Mine(tx)
	c.next(t, source.Included)
}

// With a minute between polls, only the bell can tell of a block in time.
func TestGethRings(t *testing.T) {
	geth := ethtest.StartGeth(t)
	src := running(t, ethereum.Config{
		Chain: ethtest.Chain, Endpoints: []ethereum.Endpoint{{URL: geth.URL(), WS: geth.WS()}}, Poll: time.Minute,
	})
	untilBell(t, src, "has not rung yet")
	tx := geth.NewTx(false)
	c, _ := watchGeth(t, src, `{"hash":"`+tx.Hash+`"}`)
	c.next(t, source.Absent)
	geth.Mine(tx)
	c.next(t, source.Included)
	untilBell(t, src, "rings") // it is judged when the poll is over
}

// untilBell waits until the bell of the only endpoint is said to be so.
func untilBell(t *testing.T, src *ethereum.Source, want string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	for src.Health().Endpoints[0].Bell != want {
		select {
		case <-ctx.Done():
			t.Fatalf("the bell is %q", src.Health().Endpoints[0].Bell)
		case <-ticker.C:
		}
	}
}

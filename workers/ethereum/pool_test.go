package ethereum_test

import (
	"strings"
	"testing"
	"time"

	"trackerfleet/workers/ethereum"
	"trackerfleet/workers/ethereum/ethtest"
	"trackerfleet/workers/source"
)

// threeNodes runs test with a source that prefers the rig's node and has two others of the same chain.
func threeNodes(t *testing.T, test func(r *rig, second, third *ethtest.Server)) {
	bubble(t, nil, func(r *rig) {
		r.stop()
		second, third := r.node.Peer(r.T), r.node.Peer(r.T)
		r.src = r.source(func(c *ethereum.Config) {
			c.Endpoints = append(c.Endpoints, ethereum.Endpoint{URL: "http://second.test"}, ethereum.Endpoint{URL: "http://third.test"})
			c.Transport = byHost{"node.test": c.Transport, "second.test": second.Transport(), "third.test": third.Transport()}
		})
		r.start()
		r.polls(2)
		test(r, second, third)
	})
}

// blocksOf returns how many blocks the node was asked for while n blocks were mined, one a poll.
func (r *rig) blocksOf(node *ethtest.Server, n int) int {
	before := node.Calls()["eth_getBlockByNumber"]
	for range n {
		r.mine(1)
		r.polls(1)
	}
	return node.Calls()["eth_getBlockByNumber"] - before
}

func (r *rig) wantHead() {
	r.Helper()
	if h := r.src.Health(); h.Degraded || h.Head != r.node.Head().Number {
		r.Fatalf("want head %d: %+v", r.node.Head().Number, h)
	}
}

func TestPreferredEndpointIsFollowedAgain(t *testing.T) {
	for _, f := range []ethtest.Faults{
		{Drop: true},
		{Hang: true},
		{Garbage: true},
		{ChainID: 4},
		{HTTP429: true},
		{RPC429: true, RetryAfter: 3 * time.Second},
		{Lag: 5},
		{Unavailable: true},
	} {
		threeNodes(t, func(r *rig, second, third *ethtest.Server) {
			r.mine(6)
			r.polls(2)
			r.node.Misbehave(f)
			r.mine(6)
			r.polls(62) // a hang, the next question for the chain, or the next probe
			r.wantHead()
			if n := r.blocksOf(second, 5); n < 5 {
				t.Errorf("%+v: %d blocks asked of the second endpoint, want it followed", f, n)
			}
			if n := third.Calls()["eth_getBlockByNumber"]; n > 0 {
				t.Errorf("%+v: %d blocks asked of the third endpoint although the second is well", f, n)
			}
			r.node.Misbehave(ethtest.Faults{})
			r.blocksOf(r.node, 150)
			if n := r.blocksOf(r.node, 10); n < 10 {
				t.Errorf("%+v: %d blocks in 10 polls asked of the preferred endpoint 150 polls after it was well again", f, n)
			}
			r.wantHead()
		})
	}
}

// An endpoint that comes and goes is left alone for longer and longer, and the chain is followed all the same.
func TestFlappingEndpointDragsNobodyAlong(t *testing.T) {
	threeNodes(t, func(r *rig, second, third *ethtest.Server) {
		for range 600 {
			r.node.Misbehave(ethtest.Faults{Drop: true})
			r.mine(1)
			r.polls(1)
			r.wantHead()
			r.node.Misbehave(ethtest.Faults{})
			r.polls(1)
		}
		if n := r.blocksOf(second, 50); n < 50 {
			t.Errorf("%d of 50 blocks asked of the second endpoint while the first one flaps", n)
		}
	})
}

// Endpoints that are not followed are asked for their heads seldom, and Health shows them.
func TestStandbysAreProbed(t *testing.T) {
	threeNodes(t, func(r *rig, second, third *ethtest.Server) {
		r.mine(5)
		before := second.Calls()
		r.polls(300)
		calls := second.Calls()
		if probes := calls["eth_blockNumber"] - before["eth_blockNumber"]; probes < 9 || probes > 11 {
			t.Errorf("%d probes in 5m, want one every 30s", probes)
		}
		if n := calls["eth_getBlockByNumber"]; n != 0 {
			t.Errorf("%d blocks asked of a standby", n)
		}
		for _, e := range r.src.Health().Endpoints {
			if !e.Healthy || e.Head != r.node.Head().Number {
				t.Errorf("%+v, want it healthy, with head %d", e, r.node.Head().Number)
			}
		}
		third.Misbehave(ethtest.Faults{ChainID: 5})
		r.polls(31)
		if e := r.src.Health().Endpoints[2]; e.Healthy || !strings.Contains(e.Error, "eip155:5") {
			t.Errorf("%+v, want it to be on another chain", e)
		}
		r.wantDegraded(false)
	})
}

// An endpoint whose head stands still shows by the head of another one.
func TestStuckEndpointIsLeft(t *testing.T) {
	threeNodes(t, func(r *rig, second, third *ethtest.Server) {
		for range 60 {
			r.mine(1)
			r.node.Misbehave(ethtest.Faults{Lag: r.node.Head().Number - 2})
			r.polls(1)
		}
		r.wantHead()
		if e := r.src.Health().Endpoints[0]; e.Healthy || !strings.Contains(e.Error, "lags") {
			t.Errorf("%+v, want it to lag", e)
		}
	})
}

// All endpoints in trouble is trouble, one of them well is not.
func TestDegradedOnlyWithoutAnyEndpoint(t *testing.T) {
	threeNodes(t, func(r *rig, second, third *ethtest.Server) {
		nodes := []*ethtest.Server{r.node, second, third}
		for _, well := range nodes {
			for _, n := range nodes {
				n.Misbehave(ethtest.Faults{Drop: n != well})
			}
			r.mine(1)
			r.polls(4)
			r.wantHead()
		}
		third.Misbehave(ethtest.Faults{Drop: true})
		r.polls(2)
		r.wantDegraded(true)
		second.Misbehave(ethtest.Faults{})
		r.polls(4)
		r.wantHead()
	})
}

// An endpoint that cannot answer look-ups is followed all the same, and look-ups are asked of the others.
func TestLookupsPassByAnEndpointThatIndexes(t *testing.T) {
	threeNodes(t, func(r *rig, second, third *ethtest.Server) {
		r.node.Misbehave(ethtest.Faults{Indexing: true})
		w := r.watch(r.node.NewTx(false), source.Hint{})
		for range 6 {
			w.Refresh()
			r.polls(1)
		}
		asked := map[int]int{}
		for _, o := range w.take() {
			asked[o.Endpoint]++
		}
		if asked[0] != 0 || asked[1] < 3 || asked[2] < 3 {
			t.Errorf("absent said by %v, want the second and third endpoint", asked)
		}
		if n := r.blocksOf(r.node, 5); n < 5 {
			t.Errorf("%d of 5 blocks asked of the endpoint that indexes", n)
		}
		r.wantHead()
	})
}

// Receipts that the followed endpoint doesn't have are asked of another one.
func TestReceiptsFromAnotherEndpoint(t *testing.T) {
	threeNodes(t, func(r *rig, second, third *ethtest.Server) {
		r.node.Misbehave(ethtest.Faults{NoReceipt: true})
		tx := r.node.NewTx(false)
		w := r.watch(tx, source.Hint{})
		r.node.Mine(tx)
		r.polls(2)
		w.want(source.Absent, source.Included)
		r.wantDegraded(false)
	})
}

// As long as one endpoint names the safe head, nothing stands in for it because others don't.
func TestTagsOfAnotherEndpoint(t *testing.T) {
	for name, f := range map[string]ethtest.Faults{"refused": {RefuseTags: true}, "null": {NoTags: true}} {
		t.Run(name, func(t *testing.T) {
			threeNodes(t, func(r *rig, second, third *ethtest.Server) {
				r.node.Misbehave(f)
				second.Misbehave(f)
				w, block := r.included()
				r.mine(100)
				third.SetTags(block.Number-1, 0)
				w.Wake(source.Wake{Height: block.Number, Head: source.Safe})
				for range 40 {
					r.mine(1)
					r.polls(1)
				}
				w.want()
				if h := r.src.Health(); h.Safe != block.Number-1 || len(h.Notices) != 0 {
					t.Errorf("safe head %d, notices %q; want %d of the third endpoint", h.Safe, h.Notices, block.Number-1)
				}
				third.SetTags(block.Number, 0)
				r.polls(2)
				w.want(source.Advanced)
			})
		})
	}
}

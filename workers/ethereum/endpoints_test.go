package ethereum_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"trackerfleet/workers/ethereum"
	"trackerfleet/workers/ethereum/ethtest"
	"trackerfleet/workers/source"
)

// byHost carries requests to one of several nodes.
type byHost map[string]http.RoundTripper

func (b byHost) RoundTrip(r *http.Request) (*http.Response, error) { return b[r.URL.Host].RoundTrip(r) }

// twoNodes lets the source use the rig's node and a second one, which sees the same chain but has faults of its own.
func twoNodes(second *ethtest.Server) func(*ethereum.Config) {
	return func(c *ethereum.Config) {
		c.Endpoints = append(c.Endpoints, ethereum.Endpoint{URL: "http://second.test/otherkey"})
		c.Transport = byHost{"node.test": c.Transport, "second.test": second.Transport()}
	}
}

func TestNextEndpointTakesOver(t *testing.T) {
	bubble(t, nil, func(r *rig) {
		r.stop()
		second := r.node.Peer(r.T)
		r.src = r.source(twoNodes(second))
		r.start()
		w, in := r.included()
		r.mine(1)
		r.polls(1)
		for _, f := range []ethtest.Faults{{Drop: true}, {Garbage: true}, {ChainID: 4}, {HTTP429: true}} {
			for _, faulty := range []*ethtest.Server{r.node, second} {
				faulty.Misbehave(f)
				branch := make([][]ethtest.Tx, r.node.Head().Number-in.Number+2)
				branch[0] = []ethtest.Tx{w.tx}
				block := r.node.Reorg(len(branch)-1, branch...)[0]
				r.polls(4)
				if o := w.want(source.Reorged)[0]; o.Inclusion.Block.Hash != block.Hash {
					t.Errorf("%+v: observed %+v", f, o)
				}
				if h := r.src.Health(); h.Degraded || h.Head != r.node.Head().Number {
					t.Errorf("%+v: %+v", f, h)
				}
				faulty.Misbehave(ethtest.Faults{})
				r.polls(2)
			}
		}
		for _, e := range r.src.Health().Endpoints {
			if strings.Contains(e.Name+e.Error, "key") {
				t.Errorf("a secret in %+v", e)
			}
		}
	})
}

// That a transaction is unknown is asked of one endpoint after the other, and said by which.
func TestAbsentFromEveryEndpoint(t *testing.T) {
	bubble(t, nil, func(r *rig) {
		r.stop()
		r.src = r.source(twoNodes(r.node.Peer(r.T)))
		r.start()
		r.polls(2)
		w := r.watch(r.node.NewTx(false), source.Hint{})
		for range 3 {
			w.Refresh()
			r.polls(1)
		}
		by := map[int]int{}
		for _, o := range w.take() {
			if o.Kind != source.Absent || o.Endpoints != 2 {
				t.Errorf("observed %+v", o)
			}
			by[o.Endpoint]++
		}
		if by[0] != 2 || by[1] != 2 {
			t.Errorf("asked %v, want both twice", by)
		}
	})
}

// An endpoint that is dead for long is not waited for: what the other one says must do then.
func TestAbsentWithADeadEndpoint(t *testing.T) {
	bubble(t, nil, func(r *rig) {
		r.stop()
		second := r.node.Peer(r.T)
		second.Misbehave(ethtest.Faults{Drop: true})
		r.src = r.source(twoNodes(second))
		r.start()
		w := r.watch(r.node.NewTx(false), source.Hint{})
		r.polls(60)
		for _, o := range w.take() {
			if o.Endpoints != 2 || o.Endpoint != 0 {
				t.Errorf("in the first minute: %+v", o)
			}
		}
		r.polls(600)
		w.take()
		r.polls(120)
		seen := w.take()
		if len(seen) == 0 {
			t.Error("nothing was observed")
		}
		for _, o := range seen {
			if o.Kind != source.Absent || o.Endpoints != 1 || o.Endpoint != 0 {
				t.Errorf("after ten minutes: %+v", o)
			}
		}
		second.Misbehave(ethtest.Faults{})
		r.polls(600)
		w.take()
		r.polls(120)
		if seen := w.take(); len(seen) == 0 || seen[len(seen)-1].Endpoints != 2 {
			t.Errorf("after it was well again: %+v", seen)
		}
	})
}

// One that can be followed, but never answers look-ups, is not waited for either.
func TestAbsentWithABlindEndpoint(t *testing.T) {
	bubble(t, nil, func(r *rig) {
		r.stop()
		second := r.node.Peer(r.T)
		second.Misbehave(ethtest.Faults{Indexing: true})
		r.src = r.source(twoNodes(second))
		r.start()
		w := r.watch(r.node.NewTx(false), source.Hint{})
		r.polls(1200)
		w.take()
		r.polls(120)
		seen := w.take()
		if len(seen) == 0 || seen[len(seen)-1].Kind != source.Absent || seen[len(seen)-1].Endpoints != 1 {
			t.Errorf("after twenty minutes: %+v", seen)
		}
	})
}

// A node may say any number: nothing that is known is given up for a head whose blocks are not there.
func TestHeadBeyondReachGivesNothingUp(t *testing.T) {
	bubble(t, nil, func(r *rig) {
		w, block := r.included()
		w.Wake(source.Wake{Height: block.Number + 42})
		r.mine(40) // more than are read at the start
		r.polls(2)
		r.node.Misbehave(ethtest.Faults{Ahead: 1 << 40})
		r.polls(3)
		r.wantDegraded(true)
		w.want()
		before := r.node.Calls()["eth_getTransactionByHash"]
		r.node.Misbehave(ethtest.Faults{})
		r.mine(2)
		r.polls(2)
		w.want(source.Advanced)
		if n := r.node.Calls()["eth_getTransactionByHash"] - before; n > 0 {
			t.Errorf("%d look-ups of what was known", n)
		}
	})
}

func TestRunsOnce(t *testing.T) {
	bubble(t, nil, func(r *rig) {
		if err := r.src.Run(t.Context()); !errors.Is(err, ethereum.ErrRunning) {
			t.Errorf("a second Run returned %v, want ErrRunning", err)
		}
	})
}

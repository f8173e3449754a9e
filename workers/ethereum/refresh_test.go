package ethereum_test

import (
	"testing"
	"testing/synctest"
	"time"

	"trackerfleet/workers/ethereum"
	"trackerfleet/workers/source"
)

// rarely polls so rarely that nothing is seen by a poll that nobody asked for.
func rarely(c *ethereum.Config) { c.Poll, c.SweepAfter = time.Hour, time.Hour }

// A refresh shows what happened since the last poll, however far off the next one is.
func TestRefreshSeesWhatIsNew(t *testing.T) {
	bubble(t, rarely, func(r *rig) {
		w := r.watch(r.node.NewTx(false), source.Hint{})
		w.want(source.Absent)
		refreshed := func() {
			w.Refresh()
			time.Sleep(poll) // virtual
			synctest.Wait()
		}
		r.node.Submit(w.tx)
		refreshed()
		w.want(source.Pending)
		r.mine(2)
		block := r.node.Mine(w.tx)
		refreshed()
		if o := w.want(source.Included)[0]; o.Inclusion.Block.Hash != block.Hash {
			t.Errorf("observed %+v, want %+v", o.Inclusion, block)
		}
		w.Wake(source.Wake{Height: block.Number + 2})
		r.mine(2)
		refreshed()
		w.want(source.Advanced, source.Included) // the new head first, so that the answer is about it
		r.node.Reorg(3, nil, nil, nil, nil)
		refreshed()
		w.want(source.Reorged, source.Pending)
	})
}

// However often a refresh is asked for, the head is looked at twice a second at most, or less often where calls are limited.
func TestRefreshesDoNotMultiplyPolls(t *testing.T) {
	for _, test := range []struct {
		rate float64
		most int
	}{{0, 21}, {2, 5}} {
		limited := func(c *ethereum.Config) {
			rarely(c)
			c.Endpoints[0].Rate = test.rate
		}
		bubble(t, limited, func(r *rig) {
			w := r.watch(r.node.NewTx(false), source.Hint{})
			before := r.node.Calls()["eth_getBlockByNumber"]
			for range 100 {
				w.Refresh()
				time.Sleep(100 * time.Millisecond) // virtual
			}
			synctest.Wait()
			if n := r.node.Calls()["eth_getBlockByNumber"] - before; n > test.most || n < 2 {
				t.Errorf("at %v calls a second: %d looks at the head in 10 s, want 2 to %d", test.rate, n, test.most)
			}
		})
	}
}

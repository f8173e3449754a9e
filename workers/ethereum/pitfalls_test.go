package ethereum_test

import (
	"testing"
	"time"

	"trackerfleet/workers/ethereum"
	"trackerfleet/workers/ethereum/ethtest"
)

// pitfall is a way in which a node misleads, for a while, whoever believes it.
type pitfall struct {
	name string
	ethtest.Faults
	word         // what is said of it if no node is free of it
	flaps   bool // it comes and goes with every poll
	early   bool // it is there when the source starts
	brief   bool // it lasts for some polls only: every one of them costs much
	rings   bool // the first node has a websocket
	maxBody int64
}

const maxBody = 100_000

var pitfalls = []pitfall{
	{name: "none"},
	{name: "null from a node that lags", Faults: ethtest.Faults{Lag: 3, Null: true}, word: said},
	{name: "null about everything", Faults: ethtest.Faults{Null: true, NoReceipt: true}, word: said},
	{name: "no receipt", Faults: ethtest.Faults{NoReceipt: true}, word: said},
	{name: "indexing is in progress", Faults: ethtest.Faults{Indexing: true}, word: said},
	{name: "side-chain blocks without complaint", Faults: ethtest.Faults{SideBlocks: true}, word: said},
	{name: "stale receipts", Faults: ethtest.Faults{StaleRcpts: true}, word: said},
	{name: "head goes down", Faults: ethtest.Faults{Lag: 6}, word: said},
	{name: "head goes down below the first block", Faults: ethtest.Faults{Lag: 1000}, word: said},
	{name: "head goes up and down", Faults: ethtest.Faults{Lag: 1}, word: either, flaps: true},
	{name: "no tags", Faults: ethtest.Faults{NoTags: true}},
	{name: "tags refused", Faults: ethtest.Faults{RefuseTags: true}},
	{name: "no block receipts", Faults: ethtest.Faults{NoBlockRcpt: true}},
	{name: "empty receipts of a block that is not", Faults: ethtest.Faults{EmptyRcpts: true}},
	{name: "receipts of another block", Faults: ethtest.Faults{OtherRcpts: true}, word: said},
	{name: "receipts and transactions of others", Faults: ethtest.Faults{OtherTx: true}, word: said},
	{name: "hangs", Faults: ethtest.Faults{Hang: true}, word: said},
	{name: "garbage", Faults: ethtest.Faults{Garbage: true}, word: said},
	{name: "truncated JSON", Faults: ethtest.Faults{Truncated: true}, word: said},
	{name: "a body beyond the limit", Faults: ethtest.Faults{Huge: maxBody}, word: said, maxBody: maxBody},
	{name: "a body up to the limit", Faults: ethtest.Faults{Huge: maxBody - 100}, word: said, maxBody: maxBody},
	{name: "a body of 10 MB", Faults: ethtest.Faults{Huge: 10_000_000}, word: said, brief: true},
	{name: "another chain midway", Faults: ethtest.Faults{ChainID: 1}, word: said},
	{name: "another chain from the start", Faults: ethtest.Faults{ChainID: 1}, word: said, early: true},
	{name: "half a batch", Faults: ethtest.Faults{HalfBatch: true}, word: either},
	{name: "answers in another order", Faults: ethtest.Faults{Shuffle: true}},
	{name: "batches refused beyond a size", Faults: ethtest.Faults{BatchCap: 3}},
	{name: "batches refused in an array of one", Faults: ethtest.Faults{BatchCap: 3, CapInArray: true}},
	{name: "batches refused at all", Faults: ethtest.Faults{BatchCap: 1}},
	{name: "429", Faults: ethtest.Faults{HTTP429: true}, word: said},
	{name: "429 with Retry-After", Faults: ethtest.Faults{HTTP429: true, RetryAfter: 7 * time.Second}, word: said},
	{name: "429 in a 200", Faults: ethtest.Faults{RPC429: true}, word: said},
	{name: "429 in a 200 with a time", Faults: ethtest.Faults{RPC429: true, RetryAfter: 7 * time.Second}, word: said},
	{name: "503", Faults: ethtest.Faults{Unavailable: true}, word: said},
	{name: "connections drop", Faults: ethtest.Faults{Drop: true}, word: said},
	{name: "connections drop from the start", Faults: ethtest.Faults{Drop: true}, word: said, early: true},
	{name: "flaps every second", Faults: ethtest.Faults{Drop: true}, word: either, flaps: true},
	{name: "flaps every second with 503", Faults: ethtest.Faults{Unavailable: true}, word: either, flaps: true},
	{name: "knows accounts at the last block only", Faults: ethtest.Faults{NoStates: true}},
	{name: "does not say who sent a transaction", Faults: ethtest.Faults{NoFrom: true}},
	{name: "websocket without fault", rings: true},
	{name: "websocket falls silent", Faults: ethtest.Faults{Bell: ethtest.BellFaults{Silent: true}}, rings: true},
	{name: "websocket tells heads twice", Faults: ethtest.Faults{Bell: ethtest.BellFaults{Twice: true}}, rings: true},
	{name: "websocket misses heads", Faults: ethtest.Faults{Bell: ethtest.BellFaults{DropAfter: 1}}, rings: true},
	{name: "websocket tells heads that do not exist", Faults: ethtest.Faults{Bell: ethtest.BellFaults{Ghosts: true}}, rings: true},
	{name: "websocket tells garbage", Faults: ethtest.Faults{Bell: ethtest.BellFaults{Garbage: true}}, rings: true},
	{name: "websocket tells 1 MB", Faults: ethtest.Faults{Bell: ethtest.BellFaults{Huge: 1_000_000}}, rings: true},
	{name: "websocket refused", Faults: ethtest.Faults{Bell: ethtest.BellFaults{Status: 401}}, rings: true, early: true},
	{name: "websocket without eth_subscribe", Faults: ethtest.Faults{Bell: ethtest.BellFaults{Refuse: true}}, rings: true, early: true},
	{name: "websocket rings and all else hangs", Faults: ethtest.Faults{Hang: true}, word: said, rings: true},
}

// Whatever pitfall lies on the way, the same course of events ends in the truth, and nothing untrue was said meanwhile. A source
// says that it is degraded if it is, and only then.
func TestPitfalls(t *testing.T) {
	for _, p := range pitfalls {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			change := func(c *ethereum.Config) {
				c.MaxBody, c.Watchdog = p.maxBody, 7*poll
				if p.rings {
					c.Endpoints[0].WS = "ws://node.test/secretkey"
				}
			}
			t.Run("of the only node", func(t *testing.T) {
				bubble(t, change, func(r *rig) { newCourse(r, p, change, r.node).run(p.word) })
			})
			beside := func(name string, w word, faulty func(first, second *ethtest.Server) []*ethtest.Server) {
				t.Run(name, func(t *testing.T) {
					besides(t, change, func(r *rig, second *ethtest.Server, change func(*ethereum.Config)) {
						c := newCourse(r, p, change, faulty(r.node, second)...)
						c.nodes = append(c.nodes, second)
						c.run(w)
					})
				})
			}
			beside("of both nodes", p.word, func(a, b *ethtest.Server) []*ethtest.Server { return []*ethtest.Server{a, b} })
			beside("of the first node", silent, func(a, _ *ethtest.Server) []*ethtest.Server { return []*ethtest.Server{a} })
			beside("of the second node", silent, func(_, b *ethtest.Server) []*ethtest.Server { return []*ethtest.Server{b} })
		})
	}
}

// besides is bubble with a source that knows another node of the same chain. test gets the change that lets a source know both.
func besides(t *testing.T, change func(*ethereum.Config), test func(*rig, *ethtest.Server, func(*ethereum.Config))) {
	bubble(t, nil, func(r *rig) {
		r.stop()
		second := r.node.Peer(r.T)
		both := func(c *ethereum.Config) {
			change(c)
			twoNodes(second)(c)
		}
		r.src = r.source(both)
		r.start()
		r.polls(2)
		test(r, second, both)
	})
}

package ethereum_test

import (
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"trackerfleet/workers/ethereum"
	"trackerfleet/workers/ethereum/ethtest"
	"trackerfleet/workers/source"
)

const (
	blockTime     = 12 * time.Second // of Ethereum's main chain
	blocksPerHour = int(time.Hour / blockTime)
	inBlock       = 300 // transactions
	watchedThere  = 2   // of them
)

// BenchmarkCallCost counts what the follower asks its node for in an hour of 300 blocks, each of 300 transactions of which two
// are watched, however many more are. The sweep's look-ups are counted apart: it has a budget of its own and uses it up as
// soon as there is something to look up. Beside it stands what one call per transaction every 5 or 15 seconds comes to.
func BenchmarkCallCost(b *testing.B) {
	for _, n := range []int{1_000, 100_000, 1_000_000} {
		b.Run(fmt.Sprintf("watches=%d", n), func(b *testing.B) {
			for b.Loop() {
				hourOf(n, false).report(b, n)
			}
		})
	}
	b.Run("watches=100000/tags", func(b *testing.B) {
		for b.Loop() {
			hourOf(100_000, true).report(b, 100_000)
		}
	})
}

// hour is what went out in one.
type hour struct {
	calls    map[string]int // by method
	requests int            // over HTTP, with one call or a batch of them
}

// sweeping are the methods that a look-up of a transaction in no block takes.
var sweeping = []string{"eth_getTransactionByHash", "eth_blockNumber"}

func (h hour) report(b *testing.B, n int) {
	all, sweep := 0, 0
	for _, calls := range h.calls {
		all += calls
	}
	for _, method := range sweeping {
		sweep += h.calls[method]
	}
	b.ReportMetric(float64(all-sweep)/float64(blocksPerHour), "calls/block")
	b.ReportMetric(float64(h.requests)/float64(blocksPerHour), "requests/block")
	b.ReportMetric(float64(all-sweep), "calls/h")
	b.ReportMetric(float64(sweep), "sweep-calls/h")
	b.ReportMetric(float64(n)*time.Hour.Seconds()/5, "polling-5s-calls/h")
	b.ReportMetric(float64(n)*time.Hour.Seconds()/15, "polling-15s-calls/h")
	b.ReportMetric(0, "ns/op") // the hour is virtual
}

// hourOf follows a chain for an hour, with n watches. With tags, somebody waits for the safe and the finalized head.
func hourOf(n int, tags bool) (h hour) {
	// A bubble wants a test.
	testing.RunTests(func(string, string) (bool, error) { return true, nil }, []testing.InternalTest{{
		Name: "hour",
		F: func(t *testing.T) {
			var requests atomic.Int64
			count := func(c *ethereum.Config) {
				c.Poll = 0 // the default
				c.Transport = counted{c.Transport, &requests}
			}
			bubble(t, count, func(r *rig) {
				r.watchIdle(n, tags)
				calls, before := r.node.Calls(), requests.Load()
				r.mineHour()
				h = hour{since(r.node.Calls(), calls), int(requests.Load() - before)}
			})
		},
	}})
	return h
}

// counted counts requests.
type counted struct {
	http.RoundTripper
	n *atomic.Int64
}

func (c counted) RoundTrip(r *http.Request) (*http.Response, error) {
	c.n.Add(1)
	return c.RoundTripper.RoundTrip(r)
}

// unheard is an observer that looks at nothing.
type unheard struct{}

func (unheard) Observe(source.Observation) {}

// watchIdle watches n transactions that are in no block, as their records know.
func (r *rig) watchIdle(n int, tags bool) {
	r.Helper()
	hint := source.Hint{Since: r.node.Head().Number}
	for i := range n {
		r.watchQuietly(fmt.Sprintf("0x%016x%048x", uint64(i)*0x9e3779b97f4a7c15, i), hint)
	}
	if tags {
		r.node.SetTags(1, 1)
		r.watchQuietly(r.node.NewTx(false).Hash, hint).Wake(source.Wake{Height: 1 << 40, Head: source.Safe})
		r.watchQuietly(r.node.NewTx(false).Hash, hint).Wake(source.Wake{Height: 1 << 40, Head: source.Finalized})
	}
	r.polls(2)
}

func (r *rig) watchQuietly(hash string, hint source.Hint) source.Handle {
	r.Helper()
	target, err := r.src.Parse(hash, nil)
	if err != nil {
		r.Fatal(err)
	}
	return r.src.Watch(target, hint, unheard{})
}

// mineHour lets an hour pass.
func (r *rig) mineHour() {
	for range blocksPerHour {
		txs := make([]ethtest.Tx, inBlock)
		for i := range txs {
			if txs[i] = r.node.NewTx(false); i < watchedThere {
				r.watchQuietly(txs[i].Hash, source.Hint{Since: r.node.Head().Number})
			}
		}
		r.node.Mine(txs...)
		r.polls(int(blockTime / poll))
	}
}

// since returns what was called after before.
func since(calls, before map[string]int) map[string]int {
	for method, n := range before {
		calls[method] -= n
	}
	return calls
}

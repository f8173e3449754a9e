package integration

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"trackerfleet/integration/process"
	"trackerfleet/workers/ethereum/ethtest"
)

// badness is every way in which a node can be bad, by the name of its source profile.
var badness = map[string]ethtest.Faults{
	"hangs":           {Hang: true},
	"drops":           {Drop: true},
	"answers_429":     {HTTP429: true, RetryAfter: time.Second},
	"rpc_429":         {RPC429: true},
	"answers_503":     {Unavailable: true},
	"no_json":         {Garbage: true},
	"half_an_answer":  {Truncated: true},
	"ten_megabytes":   {Huge: 11 << 20},
	"another_chain":   {ChainID: 5},
	"others_receipts": {OtherTx: true, OtherRcpts: true},
	"is_behind":       {Lag: 1},
}

// TestABadSourceDecidesNothing: a node that hangs, lies, answers 429 or 10 MB changes no transaction's status and restarts nobody;
// once it is good again everything goes on. Each badness has a node and a source profile of its own.
func TestABadSourceDecidesNothing(t *testing.T) {
	f := newFleet(t)
	nodes := make(map[string]*countedNode)
	var yaml strings.Builder
	yaml.WriteString("sources:\n")
	for name := range badness {
		nodes[name] = newCountedNode(t)
		fmt.Fprintf(&yaml, "  %s: {kind: ethereum, chain: %q, poll: 50ms, endpoints: [{url: %q}]}\n", name, ethtest.Chain, nodes[name].url)
	}
	config := f.workerConfig("w-1")
	config.YAML = yaml.String()
	process.StartWorker(t, config)

	for name, faults := range badness {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			decidesNothing(t, f, name, nodes[name], faults)
		})
	}
}

func decidesNothing(t *testing.T, f *fleet, name string, node *countedNode, faults ethtest.Faults) {
	included, pending := node.NewTx(false), node.NewTx(false)
	before := make(map[string]object)
	for id, tx := range map[string]ethtest.Tx{name + "_included": included, name + "_pending": pending} {
		node.Submit(tx)
		f.want(t, "created", "spawn", fmt.Sprintf(
			`{"transaction_id":%q,"source":%q,"params":{"hash":%q,"finality":{"confirmations":3}}}`, id, name, tx.Hash,
		))
		f.eventsUntil(t, id, "pending")
	}
	node.Mine(included)
	f.eventsUntil(t, name+"_included", "included")
	for _, id := range []string{name + "_included", name + "_pending"} {
		before[id] = f.want(t, "found", "lookup", id).Tracker
	}

	node.Misbehave(faults)
	asked := int(node.requests.Load())
	process.Await(t, patience, func() error { // until it was asked twice: it is known by then
		for id := range before {
			f.want(t, "ok", "call", fmt.Sprintf(`{"transaction_id":%q,"op":"refresh"}`, id))
		}
		return more(int(node.requests.Load()), asked+1)
	})
	for id, was := range before {
		is := f.want(t, "found", "lookup", id).Tracker
		if is.Status != was.Status || is.pid() != was.pid() || is.Restarts != 0 || is.Events != was.Events {
			t.Errorf("%s was %+v and is %+v", id, was, is)
		}
	}

	node.Misbehave(ethtest.Faults{})
	node.Mine(pending)
	node.Mine()
	node.Mine()
	for id := range before {
		events := types(f.eventsUntil(t, id, "confirmed"))
		if r := f.want(t, "found", "lookup", id); r.Tracker.Restarts != 0 || strings.Contains(events, "missing") || strings.Contains(events, "reorged") {
			t.Errorf("%s: %s, its events are %s", id, r.body, events)
		}
	}
}

// countedNode is a node that counts the requests that reach it, whatever it makes of them.
type countedNode struct {
	*ethtest.Server
	url      string
	requests atomic.Int64
}

func newCountedNode(t *testing.T) *countedNode {
	t.Helper()
	node := &countedNode{Server: ethtest.NewSilentServer(t)}
	listener := httptest.NewServer(node)
	t.Cleanup(listener.Close)
	node.url = listener.URL
	return node
}

// ServeHTTP counts the request before the node can be bad to it.
func (n *countedNode) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	n.requests.Add(1)
	n.Server.ServeHTTP(w, r)
}

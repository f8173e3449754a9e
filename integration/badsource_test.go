package integration

import (
	"fmt"
	"testing"
	"time"

	"trackerfleet/integration/process"
	"trackerfleet/workers/ethereum/ethtest"
)

// TestABadSourceDecidesNothing: a node that hangs, lies, answers 429 or 10 MB changes no transaction's status and restarts nobody;
// once it is good again everything goes on.
func TestABadSourceDecidesNothing(t *testing.T) {
	node := ethtest.NewServer(t)
	f := newEthereumFleet(t, node.URL())
	included, pending := node.NewTx(false), node.NewTx(false)
	node.Submit(included)
	node.Submit(pending)
	f.want(t, "created", "spawn", startOf("included", included))
	f.want(t, "created", "spawn", startOf("pending", pending))
	node.Mine(included)
	f.eventsUntil(t, "included", "included")
	f.eventsUntil(t, "pending", "pending")
	before := map[string]object{}
	for _, id := range []string{"included", "pending"} {
		before[id] = f.want(t, "found", "lookup", id).Tracker
	}

	for name, faults := range map[string]ethtest.Faults{
		"hangs":                    {Hang: true},
		"drops connections":        {Drop: true},
		"answers 429":              {HTTP429: true, RetryAfter: 50 * time.Millisecond},
		"answers 429 in a 200":     {RPC429: true},
		"answers 503":              {Unavailable: true},
		"answers no JSON":          {Garbage: true},
		"answers half of it":       {Truncated: true},
		"answers 10 MB":            {Huge: true},
		"is on another chain":      {ChainID: 5},
		"gives another's receipts": {OtherTx: true, OtherRcpts: true},
		"is behind":                {Lag: 1},
	} {
		t.Run(name, func(t *testing.T) {
			asked := calls(node)
			node.Misbehave(faults)
			defer node.Misbehave(ethtest.Faults{})
			process.Await(t, patience, func() error {
				for id := range before {
					f.ask(t, "call", fmt.Sprintf(`{"transaction_id":%q,"op":"refresh"}`, id))
				}
				return more(calls(node), asked+enough)
			})
			for id, was := range before {
				is := f.want(t, "found", "lookup", id).Tracker
				if is.Status != was.Status || is.pid() != was.pid() || is.Restarts != 0 || is.Events != was.Events {
					t.Errorf("%s was %+v and is %+v", id, was, is)
				}
			}
		})
	}

	node.Mine(pending)
	node.Mine()
	node.Mine()
	for id := range before {
		f.eventsUntil(t, id, "confirmed")
		if r := f.want(t, "found", "lookup", id); r.Tracker.Restarts != 0 {
			t.Errorf("%s was restarted: %s", id, r.body)
		}
	}
}

// enough is how many calls a bad node must have got before its badness is taken as felt.
const enough = 3

func calls(node *ethtest.Server) int {
	n := 0
	for _, count := range node.Calls() {
		n += count
	}
	return n
}

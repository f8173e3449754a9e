package integration

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"trackerfleet/integration/checker"
	"trackerfleet/integration/process"
	"trackerfleet/workers/ethereum/ethtest"
)

// newEthereumFleet starts a worker whose only source is the Ethereum node at url.
func newEthereumFleet(t *testing.T, url string) *fleet {
	t.Helper()
	f := newFleet(t)
	f.workers = append(f.workers, process.StartWorker(t, f.ethereumConfig(url)))
	return f
}

func (f *fleet) ethereumConfig(url string) process.WorkerConfig {
	config := f.workerConfig("w-1")
	config.YAML = fmt.Sprintf(`
sources:
  dev:
    kind: ethereum
    chain: %q
    endpoints: [{url: %q}]
    poll: 50ms
supervision: {backoff: {base: 20ms, cap: 200ms}}
`, ethtest.Chain, url)
	return config
}

// startOf is the body of a start that wants three confirmations.
func startOf(id string, tx ethtest.Tx) string {
	return fmt.Sprintf(`{"transaction_id":%q,"source":"dev","params":{"hash":%q,"finality":{"confirmations":3}}}`, id, tx.Hash)
}

// inBlock returns the block that an event's body names.
func inBlock(t *testing.T, e checker.Event) (block struct {
	Number uint64
	Hash   string
},
) {
	t.Helper()
	body := struct{ Block any }{&block}
	if err := json.Unmarshal(e.Body, &body); err != nil {
		t.Fatalf("%s: %v", e, err)
	}
	return block
}

// TestGethFollowsTransactionsToTheirEnd is the whole stack: a service publishes starts over NATS, the transactions live on a real
// go-ethereum node, and the events say what became of them.
func TestGethFollowsTransactionsToTheirEnd(t *testing.T) {
	t.Parallel()
	geth := ethtest.StartGeth(t)
	f := newEthereumFleet(t, geth.URL())
	pay, reverted := geth.NewTx(false), geth.NewTx(true)
	for id, tx := range map[string]ethtest.Tx{"pay": pay, "reverted": reverted} {
		geth.Submit(tx)
		if err := f.publish(t.Context(), "tracker.start", startOf(id, tx)); err != nil {
			t.Fatal(err)
		}
		f.eventsUntil(t, id, "pending")
	}
	block := geth.Mine(pay, reverted)
	for _, id := range []string{"pay", "reverted"} {
		if got := inBlock(t, f.last(t, id, "included")); got.Number != block.Number || got.Hash != block.Hash {
			t.Errorf("%s is said to be in block %+v, it is in %d %s", id, got, block.Number, block.Hash)
		}
		if r := f.want(t, "found", "lookup", id); r.Tracker.Status != "confirming" {
			t.Errorf("with one confirmation of three %s is %s", id, r.body)
		}
	}
	geth.Mine()
	geth.Mine()
	for id, end := range map[string]string{"pay": "confirmed", "reverted": "failed"} {
		events := f.eventsUntil(t, id, end)
		if got := inBlock(t, events[len(events)-1]); got.Hash != block.Hash {
			t.Errorf("%s ended in block %+v, want %s", id, got, block.Hash)
		}
		if list := types(events); !strings.HasPrefix(list, "started pending included ") || strings.Contains(list, "restarted") {
			t.Errorf("the events of %s are %s", id, list)
		}
		if r := f.want(t, "found", "lookup", id); r.Tracker.Status != end || r.Tracker.Phase != "finished" {
			t.Errorf("in the end %s is %s", id, r.body)
		}
	}
}

// TestGethSurvivesCrashesAndReorganisations crashes a tracker, kills its worker, and takes the transaction's block back.
func TestGethSurvivesCrashesAndReorganisations(t *testing.T) {
	t.Parallel()
	geth := ethtest.StartGeth(t)
	f := newEthereumFleet(t, geth.URL())
	tx := geth.NewTx(false)
	geth.Submit(tx)
	started := f.want(t, "created", "spawn", startOf("moved", tx)).Tracker
	first := geth.Mine(tx)
	f.eventsUntil(t, "moved", "included")

	f.want(t, "restarted", "stop", `{"transaction_id":"moved","reason":"its_a_crash"}`)
	if r := f.want(t, "found", "lookup", "moved"); r.Tracker.Status != "confirming" || r.Tracker.pid() == started.pid() {
		t.Errorf("after the crash it is %s", r.body)
	}
	f.workers[0].Kill()
	branch := geth.Reorg(1, nil, []ethtest.Tx{tx})
	f.workers[0] = process.StartWorker(t, f.ethereumConfig(geth.URL()))

	f.eventsUntil(t, "moved", "reorged")
	geth.Mine()
	geth.Mine()
	events := f.eventsUntil(t, "moved", "confirmed")
	end := inBlock(t, events[len(events)-1])
	if end.Hash != branch[1].Hash || end.Hash == first.Hash {
		t.Errorf("confirmed in %+v; it was in %s and is in %s", end, first.Hash, branch[1].Hash)
	}
	if list := types(events); strings.Count(list, "confirmed") != 1 || strings.Count(list, " reorged") != 1 {
		t.Errorf("the events are %s", list)
	}

	stopped := geth.NewTx(false)
	f.want(t, "created", "spawn", startOf("stopped", stopped))
	f.want(t, "stopped", "stop", "stopped")
	f.eventsUntil(t, "stopped", "stopped")
}

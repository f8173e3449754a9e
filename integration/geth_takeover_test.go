package integration

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"

	"trackerfleet/integration/checker"
	"trackerfleet/integration/process"
	"trackerfleet/workers/ethereum/ethtest"
)

// forked is a chain with transactions whose blocks are taken back while the worker that follows them dies.
type forked struct {
	*fleet
	geth     *ethtest.Geth
	txs      map[string]ethtest.Tx // by transaction ID
	accepted []checker.Start
	kills    int
}

func (f *forked) config(name string) process.WorkerConfig {
	config := f.ethereumConfig(f.geth.URL())
	config.Name, config.Lease = name, shortLease.String()
	return config
}

// track starts n trackers that want more confirmations than a branch of the given depth has, and puts their transactions into
// one block.
func (f *forked) track(t *testing.T, depth, n int) (ids []string) {
	t.Helper()
	var block []ethtest.Tx
	for i := range n {
		id := fmt.Sprintf("depth%d_%d", depth, i)
		tx := f.geth.NewTx(i%5 == 4)
		f.txs[id] = tx
		f.want(t, "created", "spawn", fmt.Sprintf(
			`{"transaction_id":%q,"source":"dev","params":{"hash":%q,"finality":{"confirmations":%d}}}`, id, tx.Hash, depth+3))
		f.accepted = append(f.accepted, checker.Start{ID: id, Run: 1})
		ids, block = append(ids, id), append(block, tx)
	}
	f.geth.Mine(block...)
	for range depth - 1 {
		f.geth.Mine()
	}
	for _, id := range ids {
		f.eventsUntil(t, id, "included")
	}
	return ids
}

// some are the transactions of those IDs whose number leaves a rest when it is divided by 3.
func (f *forked) some(ids []string, rest int) (txs []ethtest.Tx) {
	for i, id := range ids {
		if i%3 == rest {
			txs = append(txs, f.txs[id])
		}
	}
	return txs
}

// branchOff puts another branch in the place of the last blocks: a third of the transactions is in its first block, a third in
// its last, and a third in none of it. between runs when the old branch is gone and nothing is there yet.
func (f *forked) branchOff(depth int, ids []string, between func()) {
	f.geth.SetHead(f.geth.Head().Number - uint64(depth))
	between()
	f.geth.Mine(f.some(ids, 0)...)
	for range depth - 1 {
		f.geth.Mine()
	}
	f.geth.Mine(f.some(ids, 1)...)
}

// kill kills a worker with SIGKILL.
func (f *forked) kill(w *process.Worker) {
	w.Kill()
	f.kills++
}

// truth holds a terminal event against the node: the transaction is where the event says, and came to that.
func (f *forked) truth(e checker.Event) error {
	var body struct{ Block struct{ Hash string } }
	if err := json.Unmarshal(e.Body, &body); err != nil {
		return err
	}
	var receipt *struct{ BlockHash, Status string }
	f.geth.Call("eth_getTransactionReceipt", &receipt, f.txs[e.ID].Hash)
	want := map[string]string{"confirmed": "0x1", "failed": "0x0"}[e.Type]
	switch {
	case receipt == nil:
		return errors.New("it is in no block")
	case receipt.BlockHash != body.Block.Hash:
		return fmt.Errorf("it is in block %s", receipt.BlockHash)
	case receipt.Status != want:
		return fmt.Errorf("its status is %s", receipt.Status)
	}
	return nil
}

// judge mines until every transaction has come to its end and returns the checker's verdict.
func (f *forked) judge(t *testing.T) (v checker.Verdict) {
	t.Helper()
	process.Await(t, patience, func() error {
		f.geth.Mine()
		history, err := checker.Read(t.Context(), f.js, "TRACKER")
		if err != nil {
			return err
		}
		const takeover = "takeover by another worker"
		evidence := map[string]int{"kill": f.kills, takeover: felt(history.Events)[takeover], "reorged": 0}
		for _, e := range history.Events {
			if e.Type == "reorged" {
				evidence["reorged"]++
			}
		}
		v = checker.Check(history, checker.Expectation{Accepted: f.accepted, Finished: true, Truth: f.truth, Evidence: evidence})
		if v.Outcome != checker.Held {
			return errors.New(v.String())
		}
		t.Logf("evidence: %v", evidence)
		return nil
	})
	return v
}

// TestGethReorganisesDuringATakeover takes blocks of a real node back, at several depths, while the worker dies that follows
// the transactions in them: before the old branch is gone, while there is neither, and when the other worker takes over. What
// the events say in the end is what the node says, once.
func TestGethReorganisesDuringATakeover(t *testing.T) {
	takesAWhile(t)
	t.Parallel()
	f := &forked{geth: ethtest.StartGeth(t), txs: make(map[string]ethtest.Tx)}
	f.fleet = &fleet{server: process.StartServer(t)}
	f.client = newClient(t, f.server.Connect(t))
	for _, name := range []string{"w-1", "w-2"} {
		f.workers = append(f.workers, process.LaunchWorker(t, f.config(name)))
	}
	for _, w := range f.workers {
		w.AwaitReady(t)
	}
	f.awaitShared(t, f.workers...)
	const each = 15
	for round, depth := range []int{1, 4, 9} {
		victim := round % len(f.workers)
		w := f.workers[victim]
		ids := f.track(t, depth, each)
		switch round {
		case 0: // it dies first
			f.kill(w)
			f.branchOff(depth, ids, func() {})
		case 1: // while there is neither branch
			f.branchOff(depth, ids, func() { f.kill(w) })
		default: // the other is about to take over
			f.kill(w)
			process.Await(t, patience, func() error { return f.alive(1) })
			f.branchOff(depth, ids, func() {})
		}
		process.Await(t, patience, func() error { return f.without(w.Name) })
		f.geth.Mine(f.some(ids, 2)...)
		f.workers[victim] = process.StartWorker(t, f.config(w.Name))
		f.awaitShared(t, f.workers...)
	}
	t.Log(f.judge(t))
	if lines := loud(f.workers...); len(lines) > 0 {
		t.Errorf("errors were logged: %q", lines)
	}
}

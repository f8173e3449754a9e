package integration

import (
	"errors"
	"testing"
	"time"

	"trackerfleet/integration/process"
	"trackerfleet/workers/ethereum/ethtest"
)

// TestGethRefreshLooksNow: a person's refresh shows within a second what happened on the chain, although the next look at it is
// far off.
func TestGethRefreshLooksNow(t *testing.T) {
	takesAWhile(t)
	t.Parallel()
	geth := ethtest.StartGeth(t)
	s := newUnmarked(t, geth, "poll: 1h\n    sweep_after: 1h")
	y := s.start(t, geth.NewTx(false), confirmations3)
	y.next("started", nil)
	y.awaitFirstLook()

	geth.Submit(y.tx)
	y.refresh()
	y.next("pending", pendingData(y.tx))
	geth.Mine()
	block := geth.Mine(y.tx)
	y.quiet("pending")
	y.refresh()
	y.next("included", s.includedData(y.tx, block, 0, 3))
	branch := geth.Reorg(1, nil, []ethtest.Tx{y.tx})
	y.quiet("confirming")
	y.refresh()
	y.next("reorged", moved(block, branch[1], 1))
	geth.Mine()
	geth.Mine()
	y.quiet("confirming")
	y.refresh()
	y.next("progress", progressData(branch[1], 3, 3))
	y.next("confirmed", s.confirmedData(y.tx, branch[1], 3))

	fresh := s.start(t, geth.NewTx(true), `"finality":{"confirmations":1}`)
	fresh.next("started", nil)
	fresh.awaitFirstLook()
	geth.Mine(fresh.tx)
	fresh.refresh()
	fresh.next("included", nil)
	fresh.next("failed", nil)
}

// refresh asks for a look by the command line, and says how long it takes until that leads to an event.
func (y *story) refresh() {
	y.t.Helper()
	if code, _, stderr := y.run(y.t, "call", y.id, "refresh"); code != 0 {
		y.t.Fatalf("tracker call %s refresh: exit code %d: %s", y.id, code, stderr)
	}
	asked := time.Now()
	e := y.read(y.t)
	y.t.Logf("%s %v after the refresh", e.Type, time.Since(asked).Round(time.Millisecond))
	y.unread = &e
}

// awaitFirstLook waits until the transaction was looked for, which may be so already; nothing else would have it looked for.
func (y *story) awaitFirstLook() {
	y.t.Helper()
	process.Await(y.t, patience, func() error {
		if y.looks() == 0 {
			return errors.New(y.id + " was not looked for")
		}
		return nil
	})
}

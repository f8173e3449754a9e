package ethtest

import (
	"strconv"
	"time"
)

// Forget takes all transactions out of the node's pool: it wants a tip of them that none of them has, and then none.
func (g *Geth) Forget() {
	g.t.Helper()
	g.Call("miner_setGasPrice", nil, hexNumber(1000*gwei))
	g.Call("miner_setGasPrice", nil, hexNumber(1))
	var pool struct{ Pending, Queued string }
	if g.Call("txpool_status", &pool); pool.Pending != "0x0" || pool.Queued != "0x0" {
		g.t.Fatalf("geth's pool still holds %+v", pool)
	}
}

// Seal has the node seal an empty block, which moves its safe head to that block and its finalized head to the last one whose
// number is a multiple of [GethEpoch]. Only a node of [StartSealingGeth] does.
func (g *Geth) Seal() Block {
	g.t.Helper()
	before := g.Head()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for before.Hash != g.sealed && time.Now().Unix() <= int64(before.Time) { // it takes the clock's time, or the second after its last
		<-tick.C
	}
	g.seals++
	g.Call("dev_addWithdrawal", nil, map[string]any{
		"index": hexNumber(g.seals), "validatorIndex": "0x0", "address": g.accounts[0].String(), "amount": "0x1",
	})
	deadline := time.Now().Add(stopLimit)
	for head := g.Head(); ; head = g.Head() {
		switch {
		case head.Number > before.Number && g.Tag("safe") == head.Number:
			g.sealed = head.Hash
			return head
		case time.Now().After(deadline):
			g.t.Fatalf("geth sealed no block after block %d", before.Number)
		}
		<-tick.C
	}
}

// GethEpoch is how many blocks apart those are that a sealing node finalizes.
const GethEpoch = 32

// Tag returns the height of the safe or the finalized head; 0 if there is none.
func (g *Geth) Tag(name string) uint64 {
	g.t.Helper()
	var b *struct{ Number string }
	if err := g.try("eth_getBlockByNumber", &b, name, false); err != nil || b == nil {
		return 0
	}
	n, err := strconv.ParseUint(b.Number, 0, 64)
	if err != nil {
		g.t.Fatal(err)
	}
	return n
}

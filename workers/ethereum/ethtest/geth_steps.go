package ethtest

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
)

// Call calls a method of the node and decodes its result into result, unless that is nil. An error ends the test.
func (g *Geth) Call(method string, result any, params ...any) {
	g.t.Helper()
	if err := g.try(method, result, params...); err != nil {
		g.t.Fatal(err)
	}
}

// try is Call without an end of the test.
func (g *Geth) try(method string, result any, params ...any) error {
	if params == nil {
		params = []any{}
	}
	g.mu.Lock()
	g.nextID++
	id := g.nextID
	g.mu.Unlock()
	body, err := json.Marshal(map[string]any{"jsonrpc": "2.0", "id": id, "method": method, "params": params})
	if err != nil {
		return err
	}
	resp, err := g.client.Post(g.url, "application/json", bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("%s: %w", method, err)
	}
	defer resp.Body.Close()
	var answer struct {
		Result json.RawMessage
		Error  *rpcError
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: status %d", method, resp.StatusCode)
	}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		return fmt.Errorf("%s: %w", method, err)
	}
	if answer.Error != nil {
		return fmt.Errorf("%s: %+v", method, *answer.Error)
	}
	if result == nil {
		return nil
	}
	if err := json.Unmarshal(answer.Result, result); err != nil {
		return fmt.Errorf("%s: %s: %w", method, answer.Result, err)
	}
	return nil
}

// fund gives every account ether, in one block.
func (g *Geth) fund() {
	g.t.Helper()
	var rich []string
	g.Call("eth_accounts", &rich)
	if len(rich) == 0 {
		g.t.Fatal("geth has no account")
	}
	var raw []string
	for nonce := range uint64(accounts) { // past the pool, which puts transactions in order in its own time
		a := newAccount()
		g.accounts = append(g.accounts, &a)
		var signed struct{ Raw string }
		g.Call("eth_signTransaction", &signed, map[string]any{
			"from": rich[0], "to": a.String(), "value": "0xde0b6b3a7640000", "gas": "0x5208", "nonce": hexNumber(nonce),
			"maxFeePerGas": hexNumber(1000 * gwei), "maxPriorityFeePerGas": hexNumber(gwei), "chainId": hexNumber(ChainID),
		})
		raw = append(raw, signed.Raw)
	}
	g.commit(raw)
	var balance string
	g.Call("eth_getBalance", &balance, g.accounts[accounts-1].String(), "latest")
	if balance == "0x0" {
		g.t.Fatal("the accounts' ether did not fit into one block")
	}
}

// NewTx makes a transaction up that the node does not know, signed by an account of its own.
func (g *Geth) NewTx(reverts bool) Tx {
	g.t.Helper()
	if len(g.accounts) == 0 {
		g.t.Fatalf("more than %d transactions", accounts)
	}
	a := g.accounts[0]
	g.accounts = g.accounts[1:]
	return a.transaction(reverts)
}

// Replacement makes another transaction of the same sender and nonce up: a [Speedup], a [Cancel] or an [Other].
func (g *Geth) Replacement(tx Tx, kind string) Tx {
	g.t.Helper()
	return tx.turned(kind).signed()
}

// Submit puts the transaction into the node's pool.
func (g *Geth) Submit(tx Tx) {
	g.t.Helper()
	var hash string
	g.Call("eth_sendRawTransaction", &hash, tx.raw)
	if hash != tx.Hash {
		g.t.Fatalf("geth says %s, the hash is %s", hash, tx.Hash)
	}
}

// Mine puts one block with exactly these transactions on top.
func (g *Geth) Mine(txs ...Tx) Block {
	g.t.Helper()
	raw := []string{}
	for _, tx := range txs {
		raw = append(raw, tx.raw)
	}
	b := g.commit(raw)
	if len(b.Txs) != len(txs) {
		g.t.Fatalf("a block with %d transactions, want %d", len(b.Txs), len(txs))
	}
	return b
}

// Reorg takes the last depth blocks back and puts a block for every element of branch in their place.
func (g *Geth) Reorg(depth int, branch ...[]Tx) []Block {
	g.t.Helper()
	g.SetHead(g.Head().Number - uint64(depth))
	var blocks []Block
	for _, txs := range branch {
		blocks = append(blocks, g.Mine(txs...))
	}
	return blocks
}

// SetHead takes all blocks above a height back.
func (g *Geth) SetHead(number uint64) {
	g.t.Helper()
	g.Call("debug_setHead", nil, hexNumber(number))
}

// Head returns the last block.
func (g *Geth) Head() Block {
	g.t.Helper()
	return g.block("eth_getBlockByNumber", "latest")
}

func (g *Geth) block(method, which string) Block {
	g.t.Helper()
	var b struct {
		Number, Hash, ParentHash, Timestamp string
		Transactions                        []string
	}
	g.Call(method, &b, which, false)
	block := Block{Number: g.number(b.Number), Hash: b.Hash, Parent: b.ParentHash, Time: g.number(b.Timestamp)}
	for _, hash := range b.Transactions {
		block.Txs = append(block.Txs, Tx{Hash: hash})
	}
	return block
}

func (g *Geth) number(s string) uint64 {
	g.t.Helper()
	n, err := strconv.ParseUint(s, 0, 64)
	if err != nil {
		g.t.Fatal(err)
	}
	return n
}

// commit makes a block of the given raw transactions. No two are alike: they differ in the
// random value of the block.
func (g *Geth) commit(raw []string) Block {
	g.t.Helper()
	var random [32]byte
	if _, err := rand.Read(random[:]); err != nil {
		g.t.Fatal(err)
	}
	zero := "0x" + hex.EncodeToString(make([]byte, 32))
	attributes := map[string]any{
		"timestamp": hexNumber(g.Head().Time + 1), "prevRandao": "0x" + hex.EncodeToString(random[:]),
		"suggestedFeeRecipient": zero[:42], "withdrawals": []any{}, "parentBeaconBlockRoot": zero,
	}
	var hash string
	g.Call("testing_commitBlockV1", &hash, attributes, raw, nil)
	return g.block("eth_getBlockByHash", hash)
}

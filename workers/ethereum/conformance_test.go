package ethereum_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"trackerfleet/workers/ethereum"
	"trackerfleet/workers/ethereum/ethtest"
	"trackerfleet/workers/source"
	"trackerfleet/workers/source/sourcetest"
)

// node is what the suite needs of a node; the scripted server and geth are both one.
type node interface {
	URL() string
	NewTx(reverts bool) ethtest.Tx
	Replacement(tx ethtest.Tx, kind string) ethtest.Tx
	Submit(ethtest.Tx)
	Mine(...ethtest.Tx) ethtest.Block
	Reorg(depth int, branch ...[]ethtest.Tx) []ethtest.Block
}

// harness lets the conformance suite control a node.
type harness struct {
	node node
	many int
	line cutter
	txs  map[string]ethtest.Tx
}

// cutter is a network that can be cut, and held while a node takes several steps to do what happens at once.
type cutter struct {
	http.RoundTripper
	cut  atomic.Bool
	held sync.RWMutex
}

func (c *cutter) RoundTrip(r *http.Request) (*http.Response, error) {
	c.held.RLock()
	defer c.held.RUnlock()
	if c.cut.Load() {
		return nil, errors.New("network is unreachable")
	}
	return c.RoundTripper.RoundTrip(r)
}

func newHarness(t *testing.T, n node, many int) *harness {
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	h := &harness{node: n, many: many, txs: map[string]ethtest.Tx{}}
	h.line.RoundTripper = transport
	return h
}

func (h *harness) NewSource(t testing.TB) source.Source {
	s, err := ethereum.New(ethereum.Config{
		Chain:     ethtest.Chain,
		Endpoints: []ethereum.Endpoint{{URL: h.node.URL()}},
		Poll:      5 * time.Millisecond,
		Transport: &h.line,
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (h *harness) NewTransaction(_ testing.TB, reverts bool) sourcetest.Transaction {
	return h.add(h.node.NewTx(reverts))
}

func (h *harness) add(tx ethtest.Tx) sourcetest.Transaction {
	id := fmt.Sprintf("txn_%d", len(h.txs))
	h.txs[id] = tx
	params := fmt.Sprintf(`{"hash":%q,"chain":%q}`, tx.Hash, ethtest.Chain)
	return sourcetest.Transaction{ID: id, Params: json.RawMessage(params)}
}

func (h *harness) Replacement(_ testing.TB, tx sourcetest.Transaction, kind string) (sourcetest.Transaction, string) {
	other := h.node.Replacement(h.txs[tx.ID], kind)
	return h.add(other), other.Hash
}

func (h *harness) Named(t testing.TB, tx sourcetest.Transaction) sourcetest.Transaction {
	tx.Params = json.RawMessage(detailed(t, h.txs[tx.ID]))
	return tx
}

func (h *harness) Submit(_ testing.TB, tx sourcetest.Transaction) { h.node.Submit(h.txs[tx.ID]) }

func (h *harness) Forget(_ testing.TB, tx sourcetest.Transaction) {
	switch n := h.node.(type) {
	case *ethtest.Server:
		n.Forget(h.txs[tx.ID])
	case *ethtest.Geth:
		n.Forget()
	}
}

func (h *harness) these(txs []sourcetest.Transaction) []ethtest.Tx {
	var these []ethtest.Tx
	for _, tx := range txs {
		these = append(these, h.txs[tx.ID])
	}
	return these
}

func (h *harness) Mine(_ testing.TB, txs ...sourcetest.Transaction) source.BlockRef {
	return blockRef(h.node.Mine(h.these(txs)...))
}

func (h *harness) Reorganise(_ testing.TB, depth int, branch ...[]sourcetest.Transaction) []source.BlockRef {
	var blocks [][]ethtest.Tx
	for _, txs := range branch {
		blocks = append(blocks, h.these(txs))
	}
	h.line.held.Lock()
	defer h.line.held.Unlock()
	var refs []source.BlockRef
	for _, b := range h.node.Reorg(depth, blocks...) {
		refs = append(refs, blockRef(b))
	}
	return refs
}

func (h *harness) SetOutage(_ testing.TB, on bool) { h.line.cut.Store(on) }

func (h *harness) Many() int { return h.many }

func blockRef(b ethtest.Block) source.BlockRef {
	return source.BlockRef{Number: b.Number, Hash: b.Hash, Time: time.Unix(int64(b.Time), 0).UTC()}
}

func TestConformanceScripted(t *testing.T) {
	sourcetest.Run(t, func(t *testing.T) sourcetest.Harness { return newHarness(t, ethtest.NewServer(t), 10_000) })
}

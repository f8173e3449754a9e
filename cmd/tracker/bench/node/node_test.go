package node

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"trackerfleet/workers/ethereum"
	"trackerfleet/workers/source"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// asked returns what c answers to a call at a time.
func asked(t *testing.T, c chain, now time.Time, method, params string) string {
	t.Helper()
	got, err := json.Marshal(c.respond(json.RawMessage(fmt.Sprintf(`{"jsonrpc":"2.0","id":7,"method":%q,"params":%s}`, method, params)), now))
	if err != nil {
		t.Fatal(err)
	}
	return string(got)
}

func result(v string) string { return `{"jsonrpc":"2.0","id":7,"result":` + v + `}` }

func TestChain_makesABlockEveryBlockTime(t *testing.T) {
	began := time.Unix(1_800_000_000, 0)
	c := newChain(began, 10*time.Second)
	for after, want := range map[time.Duration]uint64{0: past, 10*time.Second - 1: past, 10 * time.Second: past + 1, time.Minute: past + 6} {
		now := began.Add(after)
		if got := asked(t, c, now, "eth_blockNumber", "[]"); got != result(`"`+quantity(want)+`"`) {
			t.Errorf("after %v: %s, want %d", after, got, want)
		}
		for tag, height := range map[string]uint64{"latest": want, "safe": want - 32, "finalized": want - 64, quantity(5): 5, "0x0": 0} {
			b, _ := json.Marshal(c.block(height))
			if got := asked(t, c, now, "eth_getBlockByNumber", `["`+tag+`",false]`); got != result(string(b)) {
				t.Errorf("after %v: %s: %s, want %s", after, tag, got, b)
			}
		}
		if got := asked(t, c, now, "eth_getBlockByNumber", `["`+quantity(want+1)+`",false]`); got != result("null") {
			t.Errorf("after %v: beyond the head: %s", after, got)
		}
	}
	if one, next := c.block(past), c.block(past+1); next.Parent != one.Hash || one.Hash == next.Hash || one.Time != quantity(uint64(began.Unix())) {
		t.Errorf("%+v is no child of %+v at %v", next, one, began)
	}
}

func TestChain_knowsNoTransaction(t *testing.T) {
	c := newChain(time.Now(), time.Second)
	hash := `["` + blockHash(1) + `"]`
	for _, tt := range []struct{ method, params, want string }{
		{"eth_chainId", "[]", result(`"0x539"`)},
		{"eth_getTransactionByHash", hash, result("null")},
		{"eth_getTransactionReceipt", hash, result("null")},
		{"eth_getTransactionCount", `["0x00","latest"]`, result(`"0x0"`)},
		{"eth_getBlockByNumber", `["pending",false]`, `"code":-32602`},
		{"eth_getBlockByNumber", `[]`, `"code":-32602`},
		{"eth_getBlockByNumber", `[1]`, `"code":-32602`},
		{"eth_sendRawTransaction", `["0x"]`, `"code":-32601`},
	} {
		if got := asked(t, c, time.Now(), tt.method, tt.params); !strings.Contains(got, tt.want) {
			t.Errorf("%s %s: %s, want %s", tt.method, tt.params, got, tt.want)
		}
	}
}

func TestServeHTTP_answersBatchesAndFaults(t *testing.T) {
	c := newChain(time.Now(), time.Hour)
	for body, want := range map[string]string{
		`{"id":"a","method":"eth_chainId"}`:                                      `{"jsonrpc":"2.0","id":"a","result":"0x539"}`,
		` [{"id":1,"method":"eth_chainId"},{"id":2,"method":"eth_blockNumber"}]`: `[{"jsonrpc":"2.0","id":1,"result":"0x539"},{"jsonrpc":"2.0","id":2,"result":"0x3e8"}]`,
		`[{"id":1,"method":"eth_chainId"},3]`:                                    `[{"jsonrpc":"2.0","id":1,"result":"0x539"},{"jsonrpc":"2.0","id":null,"error":{"code":-32600,`,
		`[]`:                                                                     `"code":-32600`,
		`{`:                                                                      `"code":-32700`,
		`"` + strings.Repeat("x", maxBody) + `"`:                                 `"code":-32700`,
	} {
		w := httptest.NewRecorder()
		c.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/", bytes.NewBufferString(body)))
		if got := w.Body.String(); !strings.Contains(got, want) {
			t.Errorf("%.80s: %s, want %s", body, got, want)
		}
	}
}

type observer chan source.Observation

func (o observer) Observe(v source.Observation) {
	select {
	case o <- v:
	default:
	}
}

// TestNode_isFollowed by the source that it stands in for: blocks come, and nobody has seen the transaction.
func TestNode_isFollowed(t *testing.T) {
	n, err := Start(20 * time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := n.Close(); err != nil {
			t.Error(err)
		}
	}()
	src, err := ethereum.New(ethereum.Config{
		Chain: Chain, Endpoints: []ethereum.Endpoint{{URL: n.URL()}}, Poll: 10 * time.Millisecond, SweepAfter: time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	target, err := src.Parse("txn_1", json.RawMessage(`{"hash":"`+blockHash(1)+`"}`))
	if err != nil {
		t.Fatal(err)
	}
	seen := make(observer, 1)
	handle := src.Watch(target, source.Hint{}, seen)
	defer handle.Close()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- src.Run(ctx) }()
	defer func() { cancel(); <-ended }()
	for first := uint64(0); ; {
		o := <-seen
		if first == 0 {
			first = o.Head
		}
		if o.Kind != source.Absent || src.Health().Error != "" {
			t.Fatalf("%+v, health %+v", o, src.Health())
		}
		if o.Head >= first+3 { // it was swept while blocks came
			return
		}
	}
}

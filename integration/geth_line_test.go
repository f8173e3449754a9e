package integration

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"testing"
)

// line is a node's address that a worker knows: behind it is a real node, and on it what that says can be held back or falsified.
type line struct {
	url  string
	node string

	held sync.RWMutex // while it is, nothing goes through

	mu     sync.Mutex
	null   bool           // it knows no transaction and no receipt
	frozen uint64         // it knows of no block above; 0: of all
	noTags bool           // it knows of no safe and no finalized block
	nulls  map[string]int // how often a transaction was said to be unknown, by hash
	asked  map[string]int // how often it was asked for one
}

// newLine returns a line to the node at a URL.
func newLine(t *testing.T, node string) *line {
	t.Helper()
	l := &line{node: node, nulls: map[string]int{}, asked: map[string]int{}}
	server := httptest.NewServer(l)
	t.Cleanup(server.Close)
	l.url = server.URL
	return l
}

// lie sets what the line falsifies: whether it knows no transaction, and the last block that it knows, 0 for all.
func (l *line) lie(null bool, frozen uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.null, l.frozen = null, frozen
}

// withoutTags sets whether the line hides the safe and the finalized block.
func (l *line) withoutTags(hidden bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.noTags = hidden
}

// unknown returns how often a transaction was said to be unknown.
func (l *line) unknown(hash string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.nulls[hash]
}

// looks returns how often a transaction was asked for.
func (l *line) looks(hash string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.asked[hash]
}

// rpcCall and rpcAnswer are one call of JSON-RPC and what came of it.
type (
	rpcCall struct {
		Version string            `json:"jsonrpc"`
		ID      json.RawMessage   `json:"id"`
		Method  string            `json:"method"`
		Params  []json.RawMessage `json:"params"`
	}
	rpcAnswer struct {
		Version string          `json:"jsonrpc"`
		ID      json.RawMessage `json:"id"`
		Result  json.RawMessage `json:"result,omitempty"`
		Error   json.RawMessage `json:"error,omitempty"`
	}
)

// ServeHTTP hands calls on to the node, and its answers back.
func (l *line) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	l.held.RLock()
	defer l.held.RUnlock()
	calls, batch, err := calls(r.Body)
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	answers, err := l.ask(r, calls)
	if err != nil {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	if encoder := json.NewEncoder(w); batch {
		_ = encoder.Encode(answers) // a worker that was killed is no fault of ours
	} else {
		_ = encoder.Encode(answers[0])
	}
}

// calls reads the calls of a request.
func calls(body io.Reader) (calls []rpcCall, batch bool, err error) {
	raw, err := io.ReadAll(body)
	if err != nil {
		return nil, false, err
	}
	if batch = bytes.HasPrefix(bytes.TrimSpace(raw), []byte("[")); batch {
		return calls, batch, json.Unmarshal(raw, &calls)
	}
	calls = make([]rpcCall, 1)
	return calls, batch, json.Unmarshal(raw, &calls[0])
}

// ask asks the node and falsifies what it says.
func (l *line) ask(r *http.Request, calls []rpcCall) ([]rpcAnswer, error) {
	l.mu.Lock()
	null, frozen, noTags := l.null, l.frozen, l.noTags
	l.mu.Unlock()
	methods := map[string]rpcCall{}
	for i, c := range calls {
		if frozen > 0 && c.Method == "eth_getBlockByNumber" && string(c.Params[0]) == `"latest"` {
			calls[i].Params[0] = json.RawMessage(quantity(frozen))
		}
		methods[string(c.ID)] = c
	}
	body, err := json.Marshal(calls)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(r.Context(), http.MethodPost, l.node, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	var answers []rpcAnswer
	if err := json.NewDecoder(resp.Body).Decode(&answers); err != nil {
		return nil, err
	}
	for i := range answers {
		c := methods[string(answers[i].ID)]
		l.falsify(c, &answers[i], null, frozen, noTags)
	}
	return answers, nil
}

// falsify changes an answer as the line lies, and counts what is said.
func (l *line) falsify(c rpcCall, a *rpcAnswer, null bool, frozen uint64, noTags bool) {
	switch c.Method {
	case "eth_blockNumber":
		if frozen > 0 {
			a.Result = json.RawMessage(quantity(frozen))
		}
	case "eth_getBlockByNumber":
		if tag := string(c.Params[0]); noTags && (tag == `"safe"` || tag == `"finalized"`) {
			a.Result, a.Error = nil, json.RawMessage(`{"code":-39001,"message":"unknown block"}`)
		}
	case "eth_getTransactionReceipt", "eth_getBlockReceipts":
		if null {
			a.Result = json.RawMessage("null")
		}
	case "eth_getTransactionByHash":
		if null {
			a.Result = json.RawMessage("null")
		}
		var hash string
		_ = json.Unmarshal(c.Params[0], &hash)
		l.mu.Lock()
		defer l.mu.Unlock()
		l.asked[hash]++
		if string(a.Result) == "null" {
			l.nulls[hash]++
		}
	}
}

// quantity is a number as JSON-RPC writes it, quoted.
func quantity(n uint64) string { return `"0x` + strconv.FormatUint(n, 16) + `"` }

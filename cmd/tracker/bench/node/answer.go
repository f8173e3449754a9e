package node

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Error codes of JSON-RPC.
const (
	notJSON       = -32700
	invalid       = -32600
	unknownMethod = -32601
	invalidParams = -32602
)

// maxBody is how long a request may be, in bytes.
const maxBody = 1 << 20

type request struct {
	ID     json.RawMessage `json:"id"`
	Method string          `json:"method"`
	Params []any           `json:"params"`
}

type response struct {
	Version string          `json:"jsonrpc"`
	ID      json.RawMessage `json:"id"`
	Result  any             `json:"result,omitempty"`
	Error   *fault          `json:"error,omitempty"`
}

type fault struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
}

// null is a result, as for what the node does not know.
var null = json.RawMessage("null")

// ServeHTTP answers one request, or a batch of them.
func (c chain) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var body json.RawMessage
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody)).Decode(&body); err != nil {
		reply(w, response{"2.0", null, nil, &fault{notJSON, "want JSON of a megabyte at most"}})
		return
	}
	if !bytes.HasPrefix(body, []byte("[")) {
		reply(w, c.respond(body, time.Now()))
		return
	}
	var batch []json.RawMessage
	_ = json.Unmarshal(body, &batch) // is JSON, and an array
	if len(batch) == 0 {
		reply(w, response{"2.0", null, nil, &fault{invalid, "empty batch"}})
		return
	}
	responses := make([]response, len(batch))
	for i, one := range batch {
		responses[i] = c.respond(one, time.Now())
	}
	reply(w, responses)
}

func reply(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v) // who went away needs no answer
}

// respond answers one request.
func (c chain) respond(raw json.RawMessage, now time.Time) response {
	var r request
	if err := json.Unmarshal(raw, &r); err != nil || r.ID == nil {
		return response{"2.0", null, nil, &fault{invalid, "want a request with id, method and params"}}
	}
	result, f := c.answer(r, now)
	return response{"2.0", r.ID, result, f}
}

// answer returns the result of r, or what is wrong with it.
func (c chain) answer(r request, now time.Time) (any, *fault) {
	switch r.Method {
	case "eth_chainId":
		id, _ := strconv.ParseUint(chainID, 10, 64)
		return quantity(id), nil
	case "eth_blockNumber":
		return quantity(c.head(now)), nil
	case "eth_getBlockByNumber":
		return c.blockBy(r.Params, now)
	case "eth_getTransactionByHash", "eth_getTransactionReceipt":
		return null, nil // nobody has seen any
	case "eth_getTransactionCount":
		return quantity(0), nil
	}
	return nil, &fault{unknownMethod, fmt.Sprintf("%.64q is not available: a stand-in knows what trackers ask", r.Method)}
}

// blockBy returns the block of the number or tag that is asked for, null beyond the head.
func (c chain) blockBy(params []any, now time.Time) (any, *fault) {
	which := ""
	if len(params) > 0 {
		which, _ = params[0].(string)
	}
	head := c.head(now)
	switch which {
	case "latest":
		return c.block(head), nil
	case "safe":
		return c.block(head - safeDepth), nil
	case "finalized":
		return c.block(head - finalizedDepth), nil
	}
	digits, ok := strings.CutPrefix(which, "0x")
	height, err := strconv.ParseUint(digits, 16, 64)
	switch {
	case !ok || err != nil:
		return nil, &fault{invalidParams, "want a number, latest, safe or finalized"}
	case height > head:
		return null, nil
	}
	return c.block(height), nil
}

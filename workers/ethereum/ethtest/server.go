package ethtest

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// ChainID is the ID of a Server's chain, and of geth's in dev mode.
const ChainID = 1337

// Chain is their CAIP-2 name.
const Chain = "eip155:1337"

// Server is a node with a scripted chain. Blocks are made only when asked for.
type Server struct {
	http *httptest.Server
	done chan struct{}

	mu        *sync.Mutex // one for all peers
	chain     *chain
	faults    Faults
	safe      uint64
	finalized uint64
	calls     map[string]int
	largest   int // batch seen

	handshakes, listening int // of websockets
	handshake             http.Header
	hungUp                chan struct{}
}

// NewServer starts a node on loopback with one block on top of genesis. It ends with the test.
func NewServer(t testing.TB) *Server {
	s := newServer(t)
	s.http = httptest.NewServer(s)
	t.Cleanup(s.http.Close)
	t.Cleanup(s.release) // runs first: a hanging answer must end before the server waits for it
	return s
}

// NewSilentServer is a node without a listener, reached by [Server.Transport] only: fit for a testing/synctest bubble.
func NewSilentServer(t testing.TB) *Server {
	s := newServer(t)
	t.Cleanup(s.release)
	return s
}

// Peer returns another node of the same chain, with faults and counts of its own, reached by its Transport only.
func (s *Server) Peer(t testing.TB) *Server {
	peer := &Server{mu: s.mu, chain: s.chain, calls: map[string]int{}, done: make(chan struct{}), hungUp: make(chan struct{})}
	t.Cleanup(peer.release)
	return peer
}

func newServer(testing.TB) *Server {
	s := &Server{mu: new(sync.Mutex), chain: newChain(), calls: map[string]int{}, done: make(chan struct{}), hungUp: make(chan struct{})}
	s.Mine()
	return s
}

func (s *Server) release() { close(s.done) }

// URL is the node's address.
func (s *Server) URL() string { return s.http.URL }

// NewTx makes a transaction up that the node does not know.
func (s *Server) NewTx(reverts bool) Tx {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.chain.newTx(reverts)
}

// Replacement makes another transaction of the same sender and nonce up: a [Speedup], a [Cancel] or an [Other].
func (s *Server) Replacement(tx Tx, kind string) Tx {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.chain.replacement(tx, kind)
}

// Submit makes the transaction known, in no block. One of the same sender and nonce is forgotten.
func (s *Server) Submit(tx Tx) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.chain.offer(tx)
}

// Forget takes a transaction out of the pool.
func (s *Server) Forget(tx Tx) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.chain.pool, tx.Hash)
}

// Mine puts one block with exactly these transactions on top.
func (s *Server) Mine(txs ...Tx) Block {
	s.mu.Lock()
	defer s.mu.Unlock()
	return *s.chain.put(txs)
}

// Reorg takes the last depth blocks back and puts a block for every element of branch in their place. Transactions that are
// in none of them are in the pool then.
func (s *Server) Reorg(depth int, branch ...[]Tx) []Block {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.chain.reorg(depth, branch)
}

// Head returns the last block.
func (s *Server) Head() Block {
	s.mu.Lock()
	defer s.mu.Unlock()
	return *s.chain.head()
}

// SetTags sets the heights of the safe and finalized heads.
func (s *Server) SetTags(safe, finalized uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.safe, s.finalized = safe, finalized
}

// Misbehave replaces the faults.
func (s *Server) Misbehave(f Faults) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = f
}

// Calls returns how often each method was called so far.
func (s *Server) Calls() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.calls)
}

// LargestBatch returns the size of the largest batch that was answered.
func (s *Server) LargestBatch() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.largest
}

type rpcRequest struct {
	ID     json.RawMessage   `json:"id"`
	Method string            `json:"method"`
	Params []json.RawMessage `json:"params"`
}

type rpcError struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
	Data    any    `json:"data,omitempty"`
}

type rpcResponse struct {
	Version string          `json:"jsonrpc"`
	ID      json.RawMessage `json:"id"`
	Result  any             `json:"result,omitempty"`
	Error   *rpcError       `json:"error,omitempty"`
}

// ServeHTTP answers one request, or is a websocket that tells of new blocks.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Upgrade") != "" {
		s.serveBell(w, r)
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	s.mu.Lock()
	f := s.faults
	s.mu.Unlock()
	if s.broken(w, r, f) {
		return
	}
	var requests []rpcRequest
	batch := bytes.HasPrefix(bytes.TrimSpace(body), []byte("["))
	if batch {
		err = json.Unmarshal(body, &requests)
	} else {
		requests = make([]rpcRequest, 1)
		err = json.Unmarshal(body, &requests[0])
	}
	w.Header().Set("Content-Type", "application/json")
	null := json.RawMessage("null")
	switch {
	case err != nil:
		reply(w, rpcResponse{"2.0", null, nil, &rpcError{-32700, "parse error", nil}}, f)
	case f.RPC429:
		e := &rpcError{-32005, "rate limit exceeded", nil}
		if f.RetryAfter > 0 {
			e.Data = map[string]any{"retry_after": f.RetryAfter.Seconds()}
		}
		reply(w, rpcResponse{"2.0", null, nil, e}, f)
	case f.BatchCap > 0 && len(requests) > f.BatchCap:
		refusal := rpcResponse{"2.0", requests[0].ID, nil, &rpcError{-32600, "batch too large", nil}}
		if f.CapInArray {
			reply(w, []rpcResponse{refusal}, f)
		} else {
			reply(w, refusal, f)
		}
	default:
		answers := s.answers(requests, f)
		if batch {
			reply(w, answers, f)
		} else {
			reply(w, answers[0], f)
		}
	}
}

func (s *Server) answers(requests []rpcRequest, f Faults) []rpcResponse {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.largest = max(s.largest, len(requests))
	var answers []rpcResponse
	for _, req := range requests {
		s.calls[req.Method]++
		result, fault := s.answer(req, f)
		if result == nil && fault == nil {
			result = json.RawMessage("null")
		}
		answers = append(answers, rpcResponse{"2.0", req.ID, result, fault})
	}
	if f.HalfBatch && len(answers) > 1 {
		answers = answers[:len(answers)/2]
	}
	if f.Shuffle {
		slices.Reverse(answers)
	}
	return answers
}

// broken answers in a way that is no JSON-RPC, if that is wanted.
func (s *Server) broken(w http.ResponseWriter, r *http.Request, f Faults) bool {
	switch {
	case f.Hang:
		select {
		case <-r.Context().Done():
		case <-s.done:
		}
	case f.Drop:
		panic(http.ErrAbortHandler)
	case f.Unavailable:
		w.WriteHeader(http.StatusServiceUnavailable)
	case f.HTTP429:
		if f.RetryAfter > 0 {
			w.Header().Set("Retry-After", strconv.Itoa(int(f.RetryAfter.Seconds())))
		}
		w.WriteHeader(http.StatusTooManyRequests)
		_, _ = io.WriteString(w, "slow down")
	case f.Garbage:
		_, _ = io.WriteString(w, "<html>\x00 bad gateway for "+r.URL.String()+"</html>")
	case f.Huge > 0:
		_, _ = io.WriteString(w, `{"jsonrpc":"2.0","id":1,"result":"`+strings.Repeat("x", f.Huge)+`"}`)
	default:
		return false
	}
	return true
}

func reply(w io.Writer, v any, f Faults) {
	body, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	if f.Truncated {
		body = body[:len(body)/2]
	}
	_, _ = w.Write(body) // a client that went away is no fault of ours
}

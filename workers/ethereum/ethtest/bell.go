package ethtest

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/coder/websocket"
)

// BellFaults are the ways in which a [Server]'s websocket can misbehave. The zero value rings once for every block.
type BellFaults struct {
	Status    int  // the handshake is answered by it; 0: as it should be
	Refuse    bool // there is no eth_subscribe
	Silent    bool // it rings for no block
	Twice     bool // it rings twice for each
	Ghosts    bool // it rings for blocks that do not exist
	Garbage   bool // rings are no JSON
	Huge      int  // rings are larger than so many bytes; 0: as large as they should be
	DropAfter int  // connections are closed after so many rings; 0: never
	Deaf      bool // nothing that comes is read, so that no ping is answered
}

// WS is the node's websocket address.
func (s *Server) WS() string { return "ws" + strings.TrimPrefix(s.http.URL, "http") }

// Handshakes returns how often a websocket was asked for so far.
func (s *Server) Handshakes() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.handshakes
}

// Listening returns how many subscriptions there are.
func (s *Server) Listening() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.listening
}

// HangUp closes every connection by websocket.
func (s *Server) HangUp() {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.hungUp)
	s.hungUp = make(chan struct{})
}

// ringsKept is how many blocks can be made before a slow listener misses some.
const ringsKept = 1000

// serveBell is the node's websocket.
func (s *Server) serveBell(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.handshakes++
	s.handshake = r.Header.Clone()
	f, hungUp := s.faults.Bell, s.hungUp
	s.mu.Unlock()
	if f.Status != 0 {
		w.Header().Set("Location", "http://elsewhere.test/")
		w.WriteHeader(f.Status)
		return
	}
	conn, err := websocket.Accept(w, r, nil)
	if err != nil {
		return
	}
	defer conn.CloseNow() //nolint:errcheck // it may be closed already
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		defer cancel()
		select {
		case <-s.done:
		case <-hungUp:
		case <-ctx.Done():
		}
	}()
	if !s.subscribed(ctx, conn, f) {
		return
	}
	heard := ctx
	if !f.Deaf {
		heard = conn.CloseRead(ctx)
	}
	s.ringFor(heard, conn)
}

// subscribed answers the call that begins a subscription.
func (s *Server) subscribed(ctx context.Context, conn *websocket.Conn, f BellFaults) bool {
	_, body, err := conn.Read(ctx)
	var req rpcRequest
	if err != nil || json.Unmarshal(body, &req) != nil {
		return false
	}
	answer := rpcResponse{"2.0", req.ID, "0xbe11", nil}
	refused := f.Refuse || req.Method != "eth_subscribe" || len(req.Params) != 1 || string(req.Params[0]) != `"newHeads"`
	if refused {
		answer = rpcResponse{"2.0", req.ID, nil, &rpcError{-32601, "the method eth_subscribe does not exist/is not available", nil}}
	}
	body, _ = json.Marshal(answer)
	return conn.Write(ctx, websocket.MessageText, body) == nil && !refused
}

// ringFor tells of new blocks until ctx ends.
func (s *Server) ringFor(ctx context.Context, conn *websocket.Conn) {
	blocks := make(chan *Block, ringsKept)
	s.mu.Lock()
	s.listening++
	s.chain.listeners[blocks] = true
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.listening--
		delete(s.chain.listeners, blocks)
	}()
	for rings := 1; ; {
		select {
		case <-ctx.Done():
			return
		case b := <-blocks:
			s.mu.Lock()
			f := s.faults.Bell
			s.mu.Unlock()
			if f.Silent {
				continue
			}
			for range 1 + btoi(f.Twice) {
				if conn.Write(ctx, websocket.MessageText, []byte(bellRing(b, f))) != nil {
					return
				}
			}
			if rings == f.DropAfter {
				return
			}
			rings++
		}
	}
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// bellRing is the message that tells of a block.
func bellRing(b *Block, f BellFaults) string {
	hash := b.Hash
	switch {
	case f.Garbage:
		return "<html>\x00 bad gateway</html>"
	case f.Ghosts:
		hash = "0x" + strings.Repeat("f", 32) + hash[34:]
	}
	return fmt.Sprintf(`{"jsonrpc":"2.0","method":"eth_subscription","params":{"subscription":"0xbe11","result":`+
		`{"number":%q,"hash":%q,"parentHash":%q,"extraData":"0x%s"}}}`, hexNumber(b.Number), hash, b.Parent, strings.Repeat("0", f.Huge))
}

// HandshakeHeader returns the header of the last handshake.
func (s *Server) HandshakeHeader() http.Header {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.handshake
}

// pipe answers a handshake over an in-memory connection, as RoundTrip does.
func (d direct) pipe(r *http.Request) (*http.Response, error) {
	ours, theirs := net.Pipe()
	w := &upgrade{ResponseRecorder: httptest.NewRecorder(), conn: ours, hijacked: make(chan struct{})}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		d.s.serveBell(w, r.WithContext(context.WithoutCancel(r.Context())))
	}()
	select {
	case <-w.hijacked:
		resp := w.Result()
		resp.Body = theirs
		return resp, nil
	case <-ended:
		return w.Result(), nil
	}
}

// upgrade is a response that becomes a connection.
type upgrade struct {
	*httptest.ResponseRecorder
	conn     net.Conn
	hijacked chan struct{}
}

// Hijack hands the connection over.
func (u *upgrade) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	close(u.hijacked)
	return u.conn, bufio.NewReadWriter(bufio.NewReader(u.conn), bufio.NewWriter(u.conn)), nil
}

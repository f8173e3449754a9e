package bubble

import (
	"bytes"
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

var errCut = errors.New("bubble: cut off")

// gate is a worker's way to the server. Through it the worker can be cut off, stand still, or lose what it is told.
type gate struct {
	dial    func() (net.Conn, error)
	refused *atomic.Int64 // counts the conditional writes that the server refuses; nil: nobody counts
	said    tamperer      // with what the worker says; nil: nobody does
	answers tamperer      // with what it is told

	mu    sync.Mutex
	links map[*link]bool
	shut  bool
}

func newGate(dial func() (net.Conn, error)) *gate {
	return &gate{dial: dial, links: make(map[*link]bool)}
}

// InProcessConn connects; nats.go calls it for each attempt.
func (g *gate) InProcessConn() (net.Conn, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.shut {
		return nil, errCut
	}
	conn, err := g.dial()
	if err != nil {
		return nil, err
	}
	l := g.newLink(conn)
	g.links[l] = true
	return l, nil
}

// cut ends all connections and lets no new ones through until [gate.open]. What was held back is lost.
func (g *gate) cut() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.shut = true
	g.severLocked()
}

// sever ends all connections.
func (g *gate) sever() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.severLocked()
}

func (g *gate) severLocked() {
	for l := range g.links {
		l.drop()
	}
	clear(g.links)
}

func (g *gate) open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.shut = false
}

// hold lets nothing pass, both ways, until [gate.resume], which delivers all of it. Connections that were being made are cut.
func (g *gate) hold() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.shut = true
	for l := range g.links {
		if !l.established() {
			l.drop()
			delete(g.links, l)
			continue
		}
		l.out.hold(true)
		l.in.hold(true)
	}
}

// mute holds what is said, until [gate.resume]; what the server says is heard. There are no new connections meanwhile.
func (g *gate) mute() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.shut = true
	for l := range g.links {
		l.out.hold(true)
	}
}

func (g *gate) resume() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.shut = false
	for l := range g.links {
		l.out.hold(false)
		l.in.hold(false)
	}
}

// deafen loses what the server says from now on, until the connections are cut.
func (g *gate) deafen() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for l := range g.links {
		l.in.lose()
	}
}

// link is one connection. Writes to it never block, and nothing keeps the server from writing: a mutex of either side that is
// held meanwhile would stop the bubble's clock.
type link struct {
	net.Conn
	in, out *flow
	said    *wire // nil: it passes as it is

	mu     sync.Mutex
	dialed bool
}

func (g *gate) newLink(conn net.Conn) *link {
	l := &link{Conn: conn, in: newFlow(), out: newFlow()}
	if g.said != nil {
		l.said = &wire{tamper: g.said}
	}
	heard := io.Writer(l.in)
	if g.answers != nil {
		heard = &tampered{wire{tamper: g.answers}, l.in}
	}
	if g.refused != nil {
		heard = &refusals{g.refused, heard}
	}
	go func() { // until the connection ends
		_, err := io.Copy(heard, conn)
		l.in.end(errors.Join(io.EOF, err))
	}()
	go func() { // until the link is closed, or the connection ends
		_, _ = io.Copy(conn, l.out)
		conn.Close()
	}()
	return l
}

// established reports whether the client has done its handshake.
func (l *link) established() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.dialed
}

// SetDeadline bounds the handshake: nats.go sets one before and takes it away after.
func (l *link) SetDeadline(t time.Time) error {
	l.in.deadline(t)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.dialed = t.IsZero()
	return nil
}

func (l *link) SetReadDeadline(t time.Time) error { l.in.deadline(t); return nil }
func (l *link) SetWriteDeadline(time.Time) error  { return nil }
func (l *link) Read(b []byte) (int, error)        { return l.in.Read(b) }

func (l *link) Write(b []byte) (int, error) {
	if l.said == nil {
		return l.out.Write(b)
	}
	_, err := l.out.Write(l.said.pass(b))
	return len(b), err
}

// refusals counts the answers to writes whose condition did not hold; one that is cut in two by a buffer's end is not seen.
type refusals struct {
	count *atomic.Int64
	next  io.Writer
}

func (r *refusals) Write(b []byte) (int, error) {
	r.count.Add(int64(bytes.Count(b, []byte(`"err_code":10071`))))
	return r.next.Write(b)
}

// tampered is a flow through a wire.
type tampered struct {
	wire
	next *flow
}

func (t *tampered) Write(b []byte) (int, error) {
	_, err := t.next.Write(t.pass(b))
	return len(b), err
}

// Close ends the connection for the client. As with TCP, what it has said before still arrives.
func (l *link) Close() error {
	l.in.end(net.ErrClosed)
	l.out.end(io.EOF)
	return nil
}

// drop ends the connection; what is under way is lost.
func (l *link) drop() {
	l.in.drop()
	l.out.drop()
	l.Conn.Close()
}

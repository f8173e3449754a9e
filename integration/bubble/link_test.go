package bubble

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"time"
)

var errCut = errors.New("bubble: cut off")

// gate is a worker's way to the server. Through it the worker can be cut off, stand still, or lose what it is told.
type gate struct {
	dial    func() (net.Conn, error)
	rewrite func([]byte) []byte // what is said, in as many bytes; nil: it stays as it is

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
	l := newLink(conn)
	l.rewrite = g.rewrite
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
	rewrite func([]byte) []byte

	mu     sync.Mutex
	dialed bool
}

func newLink(conn net.Conn) *link {
	l := &link{Conn: conn, in: newFlow(), out: newFlow()}
	go func() { // until the connection ends
		_, err := io.Copy(l.in, conn)
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
	if l.rewrite != nil {
		b = l.rewrite(b)
	}
	return l.out.Write(b)
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

// flow is one direction of a link: a queue of bytes without a bound.
type flow struct {
	mu      sync.Mutex
	changed chan struct{} // closed at the next change
	bytes   []byte
	held    bool
	lost    bool
	err     error
	due     time.Time
}

func newFlow() *flow { return &flow{changed: make(chan struct{})} }

func (f *flow) change(apply func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	apply()
	close(f.changed)
	f.changed = make(chan struct{})
}

func (f *flow) hold(on bool)         { f.change(func() { f.held = on }) }
func (f *flow) lose()                { f.change(func() { f.lost = true }) }
func (f *flow) deadline(t time.Time) { f.change(func() { f.due = t }) }

func (f *flow) end(err error) {
	f.change(func() {
		if f.err == nil {
			f.err = err
		}
	})
}

// drop ends the flow and loses what is in it.
func (f *flow) drop() {
	f.change(func() { f.lost, f.bytes, f.held, f.err = true, nil, false, net.ErrClosed })
}

// Write queues b, or loses it when the flow has ended. It never blocks and never fails.
func (f *flow) Write(b []byte) (n int, err error) {
	f.change(func() {
		if f.err == nil && !f.lost {
			f.bytes = append(f.bytes, b...)
		}
	})
	return len(b), nil
}

// Read waits for bytes that may pass.
func (f *flow) Read(b []byte) (int, error) {
	for {
		f.mu.Lock()
		if !f.held && !f.lost && len(f.bytes) > 0 {
			n := copy(b, f.bytes)
			f.bytes = f.bytes[n:]
			f.mu.Unlock()
			return n, nil
		}
		changed, err, due := f.changed, f.err, f.due
		held := f.held && errors.Is(err, io.EOF) && len(f.bytes) > 0 // said before the end
		f.mu.Unlock()
		if err != nil && !held {
			return 0, err
		}
		if !await(changed, due) {
			return 0, os.ErrDeadlineExceeded
		}
	}
}

// await reports whether changed was closed before due; the zero time means for ever.
func await(changed <-chan struct{}, due time.Time) bool {
	var late <-chan time.Time
	if !due.IsZero() {
		timer := time.NewTimer(time.Until(due))
		defer timer.Stop()
		late = timer.C
	}
	select {
	case <-changed:
		return true
	case <-late:
		return false
	}
}

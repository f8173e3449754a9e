package process

import (
	"net"
	"sync"
	"testing"
	"time"
)

// Proxy passes TCP connections on to a server and misbehaves when it is told to.
type Proxy struct {
	Address string
	target  string

	listener net.Listener
	running  sync.WaitGroup

	mu        sync.Mutex
	links     map[*link]bool
	delay     time.Duration
	deaf      bool // what clients say is read and thrown away
	swallow   bool // what the server says is
	cut       bool // no connection lives
	swallowed int  // bytes
	closed    bool
}

// link is one connection through the proxy.
type link struct {
	client, server net.Conn
	closed         chan struct{}
	once           sync.Once
}

func (l *link) close() {
	l.once.Do(func() {
		close(l.closed)
		l.client.Close()
		l.server.Close()
	})
}

// StartProxy starts a proxy in front of the TCP address target. It ends with the test.
func StartProxy(t testing.TB, target string) *Proxy {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{Address: listener.Addr().String(), target: target, listener: listener, links: make(map[*link]bool)}
	p.running.Go(p.accept)
	t.Cleanup(p.stop)
	return p
}

// Delay holds everything, both ways, for d from now on.
func (p *Proxy) Delay(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.delay = d
}

// SwallowReplies throws away what the server says from now on, so that what clients ask is carried out and never answered.
func (p *Proxy) SwallowReplies() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.swallow = true
}

// SwallowRequests throws away what clients say from now on, so that the server hears nothing of them and they go on to hear it.
func (p *Proxy) SwallowRequests() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.deaf = true
}

// Cut ends every connection and every new one until [Proxy.Heal].
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cut = true
	p.closeLocked()
}

// Heal behaves again. Connections that something was swallowed from are ended: what follows would make no sense at their ends.
func (p *Proxy) Heal() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.swallow || p.deaf {
		p.closeLocked()
	}
	p.delay, p.swallow, p.deaf, p.cut = 0, false, false, false
}

// Swallowed returns how many bytes were thrown away.
func (p *Proxy) Swallowed() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.swallowed
}

func (p *Proxy) closeLocked() {
	for l := range p.links {
		l.close()
	}
}

func (p *Proxy) stop() {
	p.listener.Close()
	p.mu.Lock()
	p.closed = true
	p.closeLocked()
	p.mu.Unlock()
	p.running.Wait()
}

func (p *Proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", p.target)
		if err != nil {
			client.Close()
			continue
		}
		p.join(&link{client: client, server: server, closed: make(chan struct{})})
	}
}

func (p *Proxy) join(l *link) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || p.cut {
		l.close()
		return
	}
	p.links[l] = true
	p.running.Go(func() {
		var both sync.WaitGroup
		both.Go(func() { p.pass(l, l.server, l.client, false) })
		both.Go(func() { p.pass(l, l.client, l.server, true) })
		both.Wait()
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.links, l)
	})
}

// held is a piece of a connection's stream that is due at some time.
type held struct {
	due   time.Time
	bytes []byte
}

// inFlight bounds the pieces held for one direction of one connection.
const inFlight = 1024

// pass copies from to to until one of them ends, and then ends the link.
func (p *Proxy) pass(l *link, to, from net.Conn, replies bool) {
	queue := make(chan held, inFlight)
	var writer sync.WaitGroup
	writer.Go(func() { l.write(to, queue) })
	defer l.close()
	defer writer.Wait()
	defer close(queue)
	for {
		buffer := make([]byte, 32<<10)
		n, err := from.Read(buffer)
		if err != nil {
			return
		}
		delay, dropped := p.treat(n, replies)
		if dropped {
			continue
		}
		select {
		case queue <- held{time.Now().Add(delay), buffer[:n]}:
		case <-l.closed:
			return
		}
	}
}

// treat decides what becomes of n bytes.
func (p *Proxy) treat(n int, replies bool) (delay time.Duration, dropped bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if replies && p.swallow || !replies && p.deaf {
		p.swallowed += n
		return 0, true
	}
	return p.delay, false
}

func (l *link) write(to net.Conn, queue <-chan held) {
	for piece := range queue {
		timer := time.NewTimer(time.Until(piece.due))
		select {
		case <-timer.C:
		case <-l.closed:
			timer.Stop()
			continue
		}
		if _, err := to.Write(piece.bytes); err != nil {
			l.close()
		}
	}
}

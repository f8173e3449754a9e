package bus_test

import (
	"io"
	"net"
	"sync"
	"testing"
	"time"
)

// proxy forwards connections to a server and misbehaves on the way back on request.
type proxy struct {
	listener net.Listener
	target   string
	wg       sync.WaitGroup

	mu      sync.Mutex
	swallow bool
	delay   time.Duration
	conns   map[net.Conn]struct{}
}

func startProxy(t testing.TB, target string) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{listener: l, target: target, conns: make(map[net.Conn]struct{})}
	p.wg.Go(p.accept)
	t.Cleanup(func() {
		l.Close()
		p.cut()
		p.wg.Wait()
	})
	return p
}

func (p *proxy) url() string { return "nats://" + p.listener.Addr().String() }

// swallowReplies loses all that the server says from now on, until cut.
func (p *proxy) swallowReplies() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.swallow = true
}

// delayReplies holds back what the server says.
func (p *proxy) delayReplies(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.delay = d
}

// cut closes every connection; new ones work again.
func (p *proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.swallow = false
	for c := range p.conns {
		c.Close()
	}
}

func (p *proxy) accept() {
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
		p.mu.Lock()
		p.conns[client], p.conns[server] = struct{}{}, struct{}{}
		p.mu.Unlock()
		p.wg.Go(func() { _, _ = io.Copy(server, client); p.forget(client, server) })
		p.wg.Go(func() { p.back(client, server); p.forget(client, server) })
	}
}

func (p *proxy) forget(conns ...net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range conns {
		c.Close()
		delete(p.conns, c)
	}
}

func (p *proxy) back(client, server net.Conn) {
	buf := make([]byte, 64<<10)
	swallowed := false // bytes of a protocol cannot be left out and then be there again
	for {
		n, err := server.Read(buf)
		if err != nil {
			return
		}
		p.mu.Lock()
		swallowed = swallowed || p.swallow
		delay := p.delay
		p.mu.Unlock()
		if swallowed {
			continue
		}
		if delay > 0 {
			<-time.After(delay)
		}
		if _, err := client.Write(buf[:n]); err != nil {
			return
		}
	}
}

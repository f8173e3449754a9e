package process

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestMain(m *testing.M) { os.Exit(Main(m)) }

// echo is a server that answers every line with itself and counts the lines.
func echo(t *testing.T) (address string, lines func() int) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	var mu sync.Mutex
	n := 0
	serve := func(c net.Conn) {
		defer c.Close()
		for scanner := bufio.NewScanner(c); scanner.Scan(); {
			mu.Lock()
			n++
			mu.Unlock()
			fmt.Fprintln(c, scanner.Text())
		}
	}
	running.Go(func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			running.Go(func() { serve(c) })
		}
	})
	t.Cleanup(func() { listener.Close(); running.Wait() })
	return listener.Addr().String(), func() int {
		mu.Lock()
		defer mu.Unlock()
		return n
	}
}

func dial(t *testing.T, address string) (net.Conn, *bufio.Reader) {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c, bufio.NewReader(c)
}

func say(t *testing.T, c net.Conn, r *bufio.Reader, text string) {
	t.Helper()
	fmt.Fprintln(c, text)
	if got, err := r.ReadString('\n'); err != nil || strings.TrimSpace(got) != text {
		t.Fatalf("said %q, got %q, %v", text, got, err)
	}
}

func TestProxyPassesBothWays(t *testing.T) {
	address, _ := echo(t)
	p := StartProxy(t, address)
	c, r := dial(t, p.Address)
	say(t, c, r, "one")
	say(t, c, r, "two")
}

func TestProxyDelays(t *testing.T) {
	address, _ := echo(t)
	p := StartProxy(t, address)
	c, r := dial(t, p.Address)
	const delay = 30 * time.Millisecond
	p.Delay(delay)
	begin := time.Now()
	say(t, c, r, "slow")
	if took := time.Since(begin); took < 2*delay {
		t.Errorf("there and back took %s, want at least %s", took, 2*delay)
	}
}

func TestProxySwallowsReplies(t *testing.T) {
	address, lines := echo(t)
	p := StartProxy(t, address)
	c, r := dial(t, p.Address)
	p.SwallowReplies()
	fmt.Fprintln(c, "carried out, never answered")
	Await(t, patience, func() error {
		if p.Swallowed() == 0 {
			return errors.New("nothing was swallowed")
		}
		return nil
	})
	if lines() != 1 {
		t.Errorf("the server saw %d lines", lines())
	}
	p.Heal()
	if _, err := r.ReadString('\n'); err == nil {
		t.Error("the connection goes on though a reply is missing")
	}
	c, r = dial(t, p.Address)
	say(t, c, r, "healed")
}

func TestProxySwallowsRequests(t *testing.T) {
	address, lines := echo(t)
	p := StartProxy(t, address)
	c, r := dial(t, p.Address)
	p.SwallowRequests()
	fmt.Fprintln(c, "never arrives")
	Await(t, patience, func() error {
		if p.Swallowed() == 0 {
			return errors.New("nothing was swallowed")
		}
		return nil
	})
	p.Heal()
	if _, err := r.ReadString('\n'); err == nil {
		t.Error("the connection goes on though a request is missing")
	}
	c, r = dial(t, p.Address)
	say(t, c, r, "healed")
	if lines() != 1 {
		t.Errorf("the server saw %d lines", lines())
	}
}

func TestProxyCuts(t *testing.T) {
	address, _ := echo(t)
	p := StartProxy(t, address)
	c, r := dial(t, p.Address)
	say(t, c, r, "before")
	p.Cut()
	if _, err := r.ReadString('\n'); err == nil {
		t.Error("the connection lives on")
	}
	c, r = dial(t, p.Address)
	fmt.Fprintln(c, "during")
	if _, err := r.ReadString('\n'); err == nil {
		t.Error("a new connection lives")
	}
	p.Heal()
	c, r = dial(t, p.Address)
	say(t, c, r, "after")
}

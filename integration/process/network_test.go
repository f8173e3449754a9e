package process

import (
	"context"
	"errors"
	"net"
	"strconv"
	"testing"
	"time"
)

// TestNetworkLosesWhatItIsToldTo connects to a server at this end from the far end while the router loses nothing, everything one way, and
// nothing again.
func TestNetworkLosesWhatItIsToldTo(t *testing.T) {
	n := NewNetwork(t)
	listener, err := net.Listen("tcp", net.JoinHostPort(n.Near, "0"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	port := listener.Addr().(*net.TCPAddr).Port
	met := make(chan net.Addr, 1)
	go func() {
		for {
			conn, err := listener.Accept()
			if errors.Is(err, net.ErrClosed) {
				return
			}
			if err == nil {
				met <- conn.RemoteAddr()
				conn.Close()
			}
		}
	}()
	call := func(patience time.Duration) (int, error) {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		// A shell's way to connect; it says nothing.
		return StartWith(t, n.join, "/bin/bash", "-c", "exec 3<>/dev/tcp/"+n.Near+"/"+strconv.Itoa(port)).Wait(ctx)
	}
	answered := func() {
		t.Helper()
		if code, err := call(patience); code != 0 || err != nil {
			t.Fatalf("nobody lost anything, and the call ends with %d, %v", code, err)
		}
		if from := (<-met).(*net.TCPAddr).IP.String(); from != n.Far {
			t.Errorf("the call came from %s, want %s", from, n.Far)
		}
	}
	answered()
	n.Lose(t, port, 0, 100)
	if code, err := call(300 * time.Millisecond); err == nil {
		t.Errorf("everything was lost, and the call ends with %d", code)
	}
	if toNear, toFar := n.Lost(t); toNear != 0 || toFar == 0 {
		t.Errorf("%d packets to this end were lost and %d to the far one", toNear, toFar)
	}
	n.Lose(t, port, 0, 0)
	answered()
}

package bus_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"trackerfleet/bus"
	"trackerfleet/bus/embedded"
)

func TestConnectSaysWhichServersItTried(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	url := "nats://" + l.Addr().String()
	l.Close() // nobody listens there now
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	_, err = bus.Connect(ctx, bus.ConnectConfig{URLs: []string{url}})
	if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), url) || !strings.Contains(err.Error(), "tracker dev") {
		t.Errorf("got %v, want the deadline, the server and what to do", err)
	}
	_, err = bus.Connect(t.Context(), bus.ConnectConfig{URLs: []string{" "}, Credentials: "/nonexistent.creds"})
	if err == nil || !strings.Contains(err.Error(), "URL is empty") || !strings.Contains(err.Error(), "nonexistent.creds") {
		t.Errorf("got %v, want both faults", err)
	}
}

func TestConnectWaitsForTheServer(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	url := "nats://" + l.Addr().String()
	l.Close()
	connected := make(chan error, 1)
	closed := make(chan struct{})
	var nc *nats.Conn
	go func() {
		var err error
		nc, err = bus.Connect(t.Context(), bus.ConnectConfig{URLs: []string{url}, OnClosed: func(error) { close(closed) }})
		connected <- err
	}()
	startServer(t, embedded.Config{Port: port})
	if err := <-connected; err != nil {
		t.Fatal(err)
	}
	nc.Close()
	<-closed
}

func TestConnectionPublishesNothingStale(t *testing.T) {
	srv := startServer(t, embedded.Config{})
	p := startProxy(t, strings.TrimPrefix(srv.URL(), "nats://"))
	disconnected, reconnected := make(chan struct{}, 8), make(chan struct{}, 8)
	nc := connect(t, bus.ConnectConfig{
		URLs:         []string{p.url()},
		OnDisconnect: func(error) { disconnected <- struct{}{} },
		OnReconnect:  func(string) { reconnected <- struct{}{} },
	})
	p.cut()
	<-disconnected
	if err := nc.Publish("tracker.fleet.x", nil); nc.IsReconnecting() && err == nil {
		t.Error("a publish without a connection was taken")
	}
	<-reconnected
	if err := nc.Publish("tracker.fleet.x", nil); err != nil {
		t.Error(err)
	}
}

func TestConnectShowsNoPassword(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	for _, url := range []string{"nats://me:canary@127.0.0.1:1", "me:canary@127.0.0.1:1", "nats://me:canary@127.0.0.1:one"} {
		_, err := bus.Connect(ctx, bus.ConnectConfig{URLs: []string{url}})
		if err == nil || strings.Contains(err.Error(), "canary") {
			t.Errorf("connecting to a URL with a password fails with %v", err)
		}
	}
}

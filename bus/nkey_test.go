package bus_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nkeys"

	"trackerfleet/bus"
)

// newNkey writes a new seed into file and returns the public key.
func newNkey(t *testing.T, file string) string {
	t.Helper()
	pair, err := nkeys.CreateUser()
	if err != nil {
		t.Fatal(err)
	}
	seed, err := pair.Seed()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, seed, 0o600); err != nil {
		t.Fatal(err)
	}
	public, err := pair.PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	return public
}

// TestConnectionTakesUpAnotherNkey: when the server knows another key only and the file holds it, a connection that was refused with
// the old one comes back by itself.
func TestConnectionTakesUpAnotherNkey(t *testing.T) {
	dir := t.TempDir()
	seed, config := filepath.Join(dir, "worker.nk"), filepath.Join(dir, "nats.conf")
	allow := func(public string) {
		t.Helper()
		text := fmt.Sprintf("listen: \"127.0.0.1:-1\"\nauthorization { users: [ { nkey: %s } ] }\n", public)
		if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	allow(newNkey(t, seed))
	options, err := server.ProcessConfigFile(config)
	if err != nil {
		t.Fatal(err)
	}
	options.NoSigs, options.NoLog = true, true
	srv, err := server.NewServer(options)
	if err != nil {
		t.Fatal(err)
	}
	srv.Start()
	t.Cleanup(func() { srv.Shutdown(); srv.WaitForShutdown() })
	if !srv.ReadyForConnections(10 * time.Second) {
		t.Fatal("the server did not start")
	}

	refused, again := make(chan error, 1000), make(chan string, 1)
	connect(t, bus.ConnectConfig{
		URLs: []string{srv.ClientURL()}, Nkey: seed, OnError: func(err error) { refused <- err }, OnReconnect: func(url string) { again <- url },
	})
	public := newNkey(t, filepath.Join(dir, "next.nk"))
	allow(public)
	if err := srv.Reload(); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := <-refused; !bus.Refused(err) {
			t.Fatalf("it was refused with %v", err)
		}
	}
	if err := os.Rename(filepath.Join(dir, "next.nk"), seed); err != nil {
		t.Fatal(err)
	}
	<-again
}

func TestConnectWantsAUsersSeed(t *testing.T) {
	file := filepath.Join(t.TempDir(), "worker.nk")
	if err := os.WriteFile(file, []byte("no canary"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := bus.Connect(t.Context(), bus.ConnectConfig{Nkey: file})
	if err == nil || !strings.Contains(err.Error(), "worker.nk holds no seed") || strings.Contains(err.Error(), "canary") {
		t.Errorf("a file without a seed: %v", err)
	}
}

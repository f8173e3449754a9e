package embedded_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/goleak"

	"trackerfleet/bus/embedded"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func start(t *testing.T, cfg embedded.Config) *embedded.Server {
	t.Helper()
	srv, err := embedded.Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop(t, srv) })
	return srv
}

func stop(t *testing.T, srv *embedded.Server) {
	t.Helper()
	if err := srv.Stop(context.Background()); err != nil {
		t.Error(err)
	}
}

func connect(t *testing.T, url string, opts ...nats.Option) jetstream.JetStream {
	t.Helper()
	closed := make(chan struct{})
	nc, err := nats.Connect(url, append(opts, nats.ClosedHandler(func(*nats.Conn) { close(closed) }))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close(); <-closed })
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	return js
}

func TestServerKeepsWhatItAcknowledged(t *testing.T) {
	dir := t.TempDir()
	first := start(t, embedded.Config{Dir: dir})
	js := connect(t, first.URL())
	if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "S", Subjects: []string{"s"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := js.Publish(t.Context(), "s", []byte("kept")); err != nil {
		t.Fatal(err)
	}
	stop(t, first)
	again := start(t, embedded.Config{Dir: dir})
	stream, err := connect(t, again.URL()).Stream(t.Context(), "S")
	if err != nil {
		t.Fatal(err)
	}
	if m, err := stream.GetMsg(t.Context(), 1); err != nil || string(m.Data) != "kept" {
		t.Errorf("got %v, %v", m, err)
	}
}

func TestServerRemovesATemporaryStore(t *testing.T) {
	srv := start(t, embedded.Config{})
	if _, err := os.Stat(srv.Dir()); err != nil {
		t.Fatal(err)
	}
	stop(t, srv)
	if _, err := os.Stat(srv.Dir()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v, want %v", err, os.ErrNotExist)
	}
	stop(t, srv) // again
}

func TestServerListensOnLoopbackOrNotAtAll(t *testing.T) {
	srv := start(t, embedded.Config{})
	if !strings.HasPrefix(srv.URL(), "nats://127.0.0.1:") {
		t.Errorf("got %s, want loopback", srv.URL())
	}
	silent := start(t, embedded.Config{Port: embedded.InProcessOnly})
	if silent.URL() != "" {
		t.Errorf("got %s, want no address", silent.URL())
	}
	if _, err := connect(t, "", silent.InProcess()).AccountInfo(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestStartSaysThatThePortIsTaken(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	port := l.Addr().(*net.TCPAddr).Port
	_, err = embedded.Start(t.Context(), embedded.Config{Dir: t.TempDir(), Port: port})
	if !errors.Is(err, embedded.ErrPortBusy) || !strings.Contains(err.Error(), fmt.Sprint(port)) {
		t.Errorf("got %v, want %v with the port", err, embedded.ErrPortBusy)
	}
}

func TestStartSaysThatTheStoreIsTaken(t *testing.T) {
	dir := t.TempDir()
	first := start(t, embedded.Config{Dir: dir})
	if _, err := embedded.Start(t.Context(), embedded.Config{Dir: dir}); !errors.Is(err, embedded.ErrStoreBusy) {
		t.Errorf("got %v, want %v", err, embedded.ErrStoreBusy)
	}
	stop(t, first)
	start(t, embedded.Config{Dir: dir})
}

func TestStartNamesEveryFaultOfItsConfig(t *testing.T) {
	_, err := embedded.Start(t.Context(), embedded.Config{Port: 70000, Host: "example.com", MaxStoreBytes: -1, ReadyTimeout: -1})
	for _, want := range []string{"port 70000", `host "example.com"`, "store limit -1", "ready timeout"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

func TestStartEndsWithItsContextAndLeavesNothing(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	dir := t.TempDir()
	if srv, err := embedded.Start(ctx, embedded.Config{Dir: dir}); err == nil {
		stop(t, srv) // it was ready before it looked
	} else if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
	start(t, embedded.Config{Dir: dir})
}

// lines keeps what the server logs.
type lines struct {
	mu  sync.Mutex
	all []string
}

func (l *lines) add(format string, v ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, fmt.Sprintf(format, v...))
}
func (l *lines) Debugf(format string, v ...any) { l.add(format, v...) }
func (l *lines) Infof(format string, v ...any)  { l.add(format, v...) }
func (l *lines) Warnf(format string, v ...any)  { l.add(format, v...) }
func (l *lines) Errorf(format string, v ...any) { l.add(format, v...) }

func TestServerLogsToItsLogger(t *testing.T) {
	log := &lines{}
	stop(t, start(t, embedded.Config{Logger: log}))
	log.mu.Lock()
	defer log.mu.Unlock()
	if !strings.Contains(strings.Join(log.all, "\n"), "Server is ready") {
		t.Errorf("got %q, want the server's lines", log.all)
	}
}

package embedded

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// Server is a running nats-server. Its methods may be called from any goroutine.
type Server struct {
	nats *server.Server
	dir  string
	temp bool
	lock *os.File

	started  chan struct{} // closed once nats-server's Start has returned
	stopOnce sync.Once
	stopErr  error
	stopped  chan struct{}
}

// Start runs a server and returns once it accepts connections and has recovered its store. It fails with an error that is
// [ErrPortBusy], [ErrStoreBusy] or [ErrNotReady], or with the cause of ctx; then nothing is left behind.
func Start(ctx context.Context, cfg Config) (*Server, error) {
	cfg = cfg.withDefaults()
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	if err := checkPort(ctx, cfg); err != nil {
		return nil, err
	}
	s := &Server{dir: cfg.Dir, stopped: make(chan struct{})}
	if err := s.openDir(); err != nil {
		return nil, err
	}
	if err := s.run(ctx, cfg); err != nil {
		return nil, errors.Join(err, s.Stop(context.WithoutCancel(ctx)))
	}
	return s, nil
}

// checkPort finds a taken port before the server does, which would only log it.
func checkPort(ctx context.Context, cfg Config) error {
	if cfg.Port <= 0 {
		return nil
	}
	address := net.JoinHostPort(cfg.Host, strconv.Itoa(cfg.Port))
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	switch {
	case err == nil:
		return l.Close()
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("%w: %s: another nats-server or tracker may run there; "+
			"stop it, choose another port, or use it with --server nats://%s", ErrPortBusy, address, address)
	default:
		return fmt.Errorf("embedded: listen on %s: %w", address, err)
	}
}

func (s *Server) openDir() error {
	if s.dir == "" {
		dir, err := os.MkdirTemp("", "trackerfleet-")
		if err != nil {
			return fmt.Errorf("embedded: make a temporary store: %w", err)
		}
		s.dir, s.temp = dir, true
	}
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return fmt.Errorf("embedded: make the store: %w", err)
	}
	lock, err := lockFile(filepath.Join(s.dir, "lock"))
	if err != nil {
		return fmt.Errorf("%w: %s: %w; stop the process that uses it, or choose another folder", ErrStoreBusy, s.dir, err)
	}
	s.lock = lock
	return nil
}

func (s *Server) run(ctx context.Context, cfg Config) error {
	opts := &server.Options{
		ServerName:        cfg.Name,
		Host:              cfg.Host,
		Port:              cfg.Port,
		DontListen:        cfg.Port == InProcessOnly,
		JetStream:         true,
		JetStreamMaxStore: cfg.MaxStoreBytes,
		StoreDir:          s.dir,
		SyncAlways:        true,
		NoSigs:            true,
		NoLog:             cfg.Logger == nil,
	}
	if cfg.Port == 0 {
		opts.Port = server.RANDOM_PORT
	}
	ns, err := server.NewServer(opts)
	if err != nil {
		return fmt.Errorf("embedded: configure the server: %w", err)
	}
	s.nats = ns
	fatal := &fatalLog{next: cfg.Logger, failed: make(chan string, 1)}
	ns.SetLoggerV2(fatal, false, false, false)
	s.started = make(chan struct{})
	go func() { // until the server has started; what it leaves running, Stop waits for
		defer close(s.started)
		ns.Start()
	}()
	return s.awaitReady(ctx, cfg.ReadyTimeout, fatal.failed)
}

// readyCheck is how long one look at whether the server is ready takes at most; below 25 ms the server would look without
// a pause.
const readyCheck = 30 * time.Millisecond

func (s *Server) awaitReady(ctx context.Context, timeout time.Duration, fatal <-chan string) error {
	for deadline := time.Now().Add(timeout); ; {
		ready := s.nats.ReadyForConnections(readyCheck) && s.nats.JetStreamEnabled()
		select {
		case line := <-fatal:
			return fmt.Errorf("%w: %s", ErrNotReady, line)
		case <-ctx.Done():
			return fmt.Errorf("embedded: start: %w", context.Cause(ctx))
		default:
		}
		if ready {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%w within %v; the store in %s may be large or damaged, see the server's log", ErrNotReady, timeout, s.dir)
		}
	}
}

// URL returns where clients connect, or "" when the server has no listener.
func (s *Server) URL() string {
	if s.nats.Addr() == nil {
		return ""
	}
	return s.nats.ClientURL()
}

// Dir returns the folder of the store.
func (s *Server) Dir() string { return s.dir }

// InProcess returns the option that connects a client without the network, whether or not the server listens.
func (s *Server) InProcess() nats.Option { return nats.InProcessServer(s.nats) }

// Stop shuts the server down and returns once it let go of its files, or with the cause of ctx when that takes longer. A
// temporary store is removed. Further calls wait for the first one and return what it returned.
func (s *Server) Stop(ctx context.Context) error {
	s.stopOnce.Do(func() {
		go func() {
			defer close(s.stopped)
			s.stopErr = s.shutdown()
		}()
	})
	select {
	case <-s.stopped:
		return s.stopErr
	case <-ctx.Done():
		return fmt.Errorf("embedded: stop: %w", context.Cause(ctx))
	}
}

func (s *Server) shutdown() error {
	if s.nats != nil {
		<-s.started
		s.nats.Shutdown()
		s.nats.WaitForShutdown()
	}
	err := s.lock.Close()
	if s.temp {
		err = errors.Join(err, removeAll(s.dir))
	}
	if err != nil {
		return fmt.Errorf("embedded: stop: %w", err)
	}
	return nil
}

// removeAll removes dir. nats-server may still be writing the files of an atomic batch after its shutdown, for a moment, so
// that a folder is not empty when its turn comes.
func removeAll(dir string) error {
	var err error
	for range 50 {
		if err = os.RemoveAll(dir); err == nil {
			return nil
		}
		time.Sleep(10 * time.Millisecond)
	}
	return err
}

package monitor

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"regexp"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"trackerfleet/workers"
)

// Member is one worker of the process.
type Member interface {
	Name() string
	Ready() []workers.Check
	Stats() workers.Stats
}

// Build is what build_info tells of the binary.
type Build struct{ Version, Revision, Go string }

// Server answers HTTP for the members of a process. Its methods may be called from any goroutine.
type Server struct {
	http     *http.Server
	registry *prometheus.Registry

	mu       sync.Mutex
	members  []Member
	expected int
	failed   error

	serving sync.WaitGroup
	broken  error // of Serve; read after serving
}

// collectorCosts are what the garbage collector takes of the CPUs.
var collectorCosts = collectors.GoRuntimeMetricsRule{Matcher: regexp.MustCompile(`^/cpu/classes/(gc/)?total:`)}

// New returns a server that is ready once expected members were added and are ready. It starts nothing.
func New(expected int, build Build) *Server {
	s := &Server{registry: prometheus.NewRegistry(), expected: expected}
	s.registry.MustRegister(
		collectors.NewGoCollector(collectors.WithGoCollectorRuntimeMetrics(collectors.MetricsGC, collectorCosts)),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		buildInfo(build),
	)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", s.healthz)
	mux.HandleFunc("GET /readyz", s.readyz)
	mux.Handle("GET /metrics", promhttp.HandlerFor(s.registry, promhttp.HandlerOpts{
		ErrorHandling: promhttp.ContinueOnError, MaxRequestsInFlight: 4, Timeout: 10 * time.Second,
	}))
	s.http = &http.Server{
		Handler: mux, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: 20 * time.Second,
		IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10,
	}
	return s
}

// Add makes m a member. It fails when there is one of that name.
func (s *Server) Add(m Member) error {
	labels := prometheus.Labels{"worker": m.Name()}
	if err := prometheus.WrapRegistererWith(labels, s.registry).Register(newCollector(m)); err != nil {
		return fmt.Errorf("monitor: worker %s: %w", m.Name(), err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.members = append(s.members, m)
	return nil
}

// Fail makes /healthz say that the process cannot go on because of err.
func (s *Server) Fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failed = err
}

// Start serves on l in the background until [Server.Stop], which closes it.
func (s *Server) Start(l net.Listener) {
	s.serving.Go(func() {
		if err := s.http.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			s.broken = fmt.Errorf("monitor: serve on %s: %w", l.Addr(), err)
		}
	})
}

// Stop ends the serving: requests under way are answered until ctx ends. It returns what broke the serving, if something did.
func (s *Server) Stop(ctx context.Context) error {
	err := s.http.Shutdown(ctx)
	if err != nil {
		err = errors.Join(err, s.http.Close())
	}
	s.serving.Wait()
	return errors.Join(err, s.broken)
}

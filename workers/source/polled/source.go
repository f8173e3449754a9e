package polled

import (
	"errors"
	"sync"
	"time"

	"trackerfleet/workers/source"
)

// Source asks an outside again and again. It is a [source.Source]; all methods may be called from any goroutine.
type Source struct {
	cfg    Config
	policy *source.Policy
	bell   chan struct{} // holds one when there is something for Run to do

	mu      sync.Mutex // guards everything below, and rows and watches
	rows    map[string]*row
	urgent  queue // somebody waits for an answer
	turn    queue // in the order in which they were looked at
	watched int
	running bool
	begun   time.Time // when the last call began
	resume  time.Time // no call begins before
	fails   int       // calls in a row that failed
	calls   uint64
	latency time.Duration
	problem string // the last error
	badAt   time.Time
}

var _ source.Source = (*Source)(nil)

// New returns a source that does not run yet. It fails with an error that is [ErrConfig] and names every fault of c.
func New(c Config) (*Source, error) {
	c = c.withDefaults()
	if err := c.validate(); err != nil {
		return nil, err
	}
	policy := &source.Policy{MissingChecks: c.MissingChecks, DropAge: c.DropAfter}
	return &Source{cfg: c, policy: policy, bell: make(chan struct{}, 1), rows: map[string]*row{}}, nil
}

// ErrRunning is what Run returns when the source runs already.
var ErrRunning = errors.New("polled: runs already")

// Watch starts to observe t, which Parse made, for o.
func (s *Source) Watch(t source.Target, _ source.Hint, o source.Observer) source.Handle {
	s.mu.Lock()
	defer s.mu.Unlock()
	ref := t.Ref.(string)
	r := s.rows[ref]
	if r == nil {
		r = &row{ref: ref}
		s.rows[ref] = r
	}
	w := &watch{source: s, row: r, observer: o}
	r.watches = append(r.watches, w)
	s.watched++
	s.oweLocked(w)
	return w
}

// oweLocked has the source ask for what w watches as soon as it can.
func (s *Source) oweLocked(w *watch) {
	w.owed = true
	if r := w.row; r.asking {
		r.again = true
	} else if r.in != &s.urgent {
		r.leave()
		s.urgent.put(r, false)
	}
	select {
	case s.bell <- struct{}{}:
	default:
	}
}

// Checkpoint returns the zero Checkpoint: there are no blocks.
func (s *Source) Checkpoint() source.Checkpoint { return source.Checkpoint{} }

// Health says whether Ask answers.
func (s *Source) Health() source.Health {
	s.mu.Lock()
	defer s.mu.Unlock()
	endpoint := source.EndpointHealth{Name: s.cfg.Name, Healthy: s.fails == 0, LatencyMS: s.latency.Milliseconds()}
	if s.fails > 0 {
		endpoint.Error = s.problem
	}
	return source.Health{
		Degraded: s.fails > 0, Error: s.problem, ErrorAt: s.badAt, Watched: s.watched,
		Endpoints: []source.EndpointHealth{endpoint}, Calls: map[string]uint64{"ask": s.calls},
	}
}

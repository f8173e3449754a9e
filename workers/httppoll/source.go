package httppoll

import (
	"errors"
	"math"
	"net/http"
	"sync"
	"time"

	"github.com/expr-lang/expr/vm"
	"golang.org/x/time/rate"

	"trackerfleet/workers/source"
)

var (
	_ source.Source = (*Source)(nil)
	_ source.Handle = (*watch)(nil)
)

// Source follows the transactions of one account. Make one with [New].
type Source struct {
	cfg      Config
	template template
	header   http.Header
	meanings meanings
	status   *vm.Program
	items    *vm.Program // nil: not in list mode
	itemID   *vm.Program
	secrets  secrets
	policy   *source.Policy
	name     string // scheme and host
	client   *http.Client
	limiter  *rate.Limiter
	born     time.Time     // when the source's clock, which nobody can set, was 0
	bell     chan struct{} // holds one when there may be something to do

	mu      sync.Mutex // guards what follows, all watches and pages
	queue   queue
	pages   map[string]*page // by what fills the template
	gate    gate
	lastBad *task // whose answer was the last, if that was of no use
	flying  int   // requests under way
	asks    int64 // how often a task was moved to the front
	watched int
	running bool
	report  report
}

// New returns a source that asks for nothing yet, or every fault of cfg joined. It starts nothing.
func New(cfg Config) (*Source, error) {
	cfg = cfg.withDefaults()
	s := &Source{
		cfg: cfg, header: cfg.header(), pages: map[string]*page{}, bell: make(chan struct{}, 1), born: time.Now(),
		policy:  &source.Policy{MissingChecks: cfg.MissingChecks, DropAge: cfg.DropAfter},
		limiter: rate.NewLimiter(rate.Limit(cfg.Rate), max(1, min(cfg.Concurrency, int(math.Ceil(cfg.Rate))))),
	}
	var f faults
	if s.template = parseTemplate(cfg.URL, &f); len(f) == 0 {
		u := cfg.check(s.template, &f)
		s.name = u.String()
		s.client = &http.Client{Transport: cfg.transport(u), CheckRedirect: sameHost}
	}
	s.meanings = cfg.meanings(&f)
	s.status = compile("status", cfg.Status, &f)
	if cfg.listed() {
		s.items, s.itemID = compile("list.items", cfg.List.Items, &f), compile("list.id", cfg.List.ID, &f)
	}
	if err := errors.Join(cfg.validate(), errors.Join(f...)); err != nil {
		return nil, err
	}
	u, err := s.template.example()
	if err != nil {
		return nil, err // can't be: it was looked at above
	}
	s.secrets = secretsOf(s.header, u)
	return s, nil
}

// clock returns a time on the source's own clock, in nanoseconds; above 0. It does not move when the wall clock is set.
func (s *Source) clock(now time.Time) int64 { return int64(now.Sub(s.born)) + 1 }

// date returns what the wall clock would show had nobody set it since the source was made.
func (s *Source) date(now time.Time) time.Time { return s.born.Round(0).Add(now.Sub(s.born)) }

// wall returns when the source's clock is, or was, at at.
func (s *Source) wall(now time.Time, at int64) time.Time {
	return now.Add(time.Duration(at - s.clock(now)))
}

// Watch starts to ask for t. It panics if t is not of this package's Parse. There is nothing to learn from the hint: whatever
// the provider says next holds.
func (s *Source) Watch(t source.Target, _ source.Hint, o source.Observer) source.Handle {
	r := t.Ref.(ref)
	w := &watch{src: s, observer: o, key: r.values}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.watched++
	now := s.clock(time.Now())
	if s.cfg.listed() {
		w.key = r.item
		s.join(w, r.values, now)
	} else {
		w.task.watch = w
		s.queue.put(&w.task, now)
	}
	s.ring()
	return w
}

// Checkpoint returns none: there are no blocks.
func (s *Source) Checkpoint() source.Checkpoint { return source.Checkpoint{} }

// ring has Run look for something to do.
func (s *Source) ring() {
	select {
	case s.bell <- struct{}{}:
	default:
	}
}

// urge moves a task to the front, behind those that were moved there before. While the account is probed it is due, no more:
// one that is asked for again and again must not be the only one that is asked.
func (s *Source) urge(t *task) {
	switch {
	case t.flying:
		t.again = true
	case t.index != 0 && t.at < 0:
	case s.gate.probing():
		s.queue.put(t, min(t.at, s.clock(time.Now())))
	default:
		s.asks++
		s.queue.put(t, math.MinInt64+s.asks)
	}
	s.ring()
}

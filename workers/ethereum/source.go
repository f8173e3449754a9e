package ethereum

import (
	"fmt"
	"math"
	"sync"
	"time"

	"trackerfleet/workers/ethereum/jsonrpc"
	"trackerfleet/workers/source"
)

var (
	_ source.Source = (*Source)(nil)
	_ source.Handle = (*watch)(nil)
)

// Source follows one chain. Make one with [New].
type Source struct {
	cfg       Config
	chainID   uint64
	endpoints []*endpoint
	bell      *bell
	policies  policies
	work      chan struct{} // holds one: there is something to look up
	gap       time.Duration // between two polls at least, however often a refresh is asked for

	mu         sync.Mutex // guards what follows, all watches, and what Health shows of endpoints
	book       *book
	pool       *pool
	checkpoint source.Checkpoint
	troubles   [troubles]complaint
	deepAt     time.Time // of the last reorganisation below the window
	headAt     time.Time
	followedAt time.Time // of the last poll that found everything up to date
	followedBy uint8     // the endpoint that it asked, counted from 1; 0: none
	polledAt   time.Time // when the last poll began
	pollAt     time.Time // of the next poll
	idle       bool      // nothing waited for the next poll when the last one was over
	running    bool

	// What follows belongs to Run.
	asking  int  // index of the endpoint asked last in a look-up
	tracing int  // index of the endpoint asked last for what took a nonce
	shorter int  // polls in a row that showed a branch shorter than ours
	behind  int  // polls in a row that found a head that went down
	failed  bool // receipts or look-ups failed since the last poll
	lookups int  // look-ups in one batch
}

// New returns a source that follows nothing yet, or every fault of cfg joined. It starts nothing.
func New(cfg Config) (*Source, error) {
	cfg = cfg.withDefaults()
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	s := &Source{cfg: cfg, chainID: cfg.chainID(), book: newBook(cfg), bell: newBell(cfg.Endpoints), work: make(chan struct{}, 1)}
	s.lookups, s.gap = cfg.BatchSize, pollGap
	for i, e := range cfg.Endpoints {
		if e.Rate > 0 { // at most half of what a poll's time allows, so that the head never waits for look-ups
			s.lookups = max(1, min(s.lookups, int(e.Rate*cfg.Poll.Seconds()/2)))
			s.gap = max(s.gap, time.Duration(callsPerPoll/e.Rate*float64(time.Second)))
		}
		client, err := jsonrpc.New(jsonrpc.Config{
			URL: e.URL, Headers: e.Headers, Rate: e.Rate, BatchSize: cfg.BatchSize, Timeout: cfg.Timeout, MaxBody: cfg.MaxBody, Transport: cfg.Transport,
		})
		if err != nil {
			return nil, fmt.Errorf("ethereum: Endpoints[%d]: %w", i, err)
		}
		s.endpoints = append(s.endpoints, &endpoint{client: client, good: time.Now()})
	}
	s.pool = &pool{members: s.endpoints, maxLag: cfg.MaxLag}
	return s, nil
}

// Watch starts to observe t for o. It panics if t is not of this package's Parse.
func (s *Source) Watch(t source.Target, h source.Hint, o source.Observer) source.Handle {
	w := &watch{src: s, ref: *t.Ref.(*ref), obs: o}
	if w.ref.extra != nil {
		own := *w.ref.extra // it will change
		w.ref.extra = &own
	}
	if t.Policy != nil {
		w.finality, w.need = t.Policy.Finality, uint16(min(t.Policy.Confirmations, math.MaxUint16))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.book.add(w, h) {
		s.kick()
	}
	return w
}

// kick tells Run that there is something to look up.
func (s *Source) kick() {
	select {
	case s.work <- struct{}{}:
	default:
	}
}

// Checkpoint returns the last block of which everything was handed over. It goes down only if the chain itself does.
func (s *Source) Checkpoint() source.Checkpoint {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.checkpoint
}

// advanceLocked moves the checkpoint up to the last block of which no receipt is owed.
func (s *Source) advanceLocked() {
	window := s.book.window
	if window.empty() {
		return
	}
	height := window.head().number
	passed := s.checkpoint.Height
	if m := window.at(passed); m == nil || m.ref.Hash != s.checkpoint.Hash {
		passed = 0 // the chain changed below the checkpoint: nothing counts as handed over before
	}
	for w := s.book.owed.first; w != nil; w = w.next {
		if w.place.number > passed { // a watch that came after its block holds nothing up
			height = min(height, w.place.number-1)
		}
	}
	if m := window.at(height); m != nil && (height >= s.checkpoint.Height || s.checkpoint.Height > window.head().number) {
		s.checkpoint = source.Checkpoint{Height: height, Hash: m.ref.Hash}
	}
}

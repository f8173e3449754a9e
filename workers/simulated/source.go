package simulated

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"trackerfleet/workers/source"
)

// Source follows a chain made of a seed. It is a [source.Source]; all methods may be called from any goroutine.
type Source struct {
	config  Config
	plain   *spec // what empty params ask for
	specs   specs
	outside outside
	bell    chan struct{} // holds one when there is something for Run to do
	outage  atomic.Bool
	null    atomic.Uint64 // bits of the share of look-ups answered with "unknown"

	mu         sync.Mutex
	due        agenda                       // of rounds
	wakes      [source.Finalized + 1]agenda // of heights, by head
	hints      map[*watch]source.Hint       // until the first look
	round      uint64                       // being handed over
	heads      heads                        // in that round
	checkpoint source.Checkpoint
	watched    int
	health     source.Health // its Degraded, Error, ErrorAt and HeadAt
	calls      map[string]uint64
}

var _ source.Source = (*Source)(nil)

// New returns a source that does not run yet. It fails with an error that is [ErrConfig] and names every fault of c.
func New(c Config) (*Source, error) {
	c = c.withDefaults()
	if err := c.validate(); err != nil {
		return nil, err
	}
	return newSource(c, &seeded{config: c, chain: newChain(c)}), nil
}

func newSource(c Config, o outside) *Source {
	s := &Source{
		config: c, plain: plainSpec(c), outside: o, bell: make(chan struct{}, 1), calls: map[string]uint64{},
		due: newAgenda(dueOf), hints: map[*watch]source.Hint{},
	}
	for i := range s.wakes {
		s.wakes[i] = newAgenda(wakeOf)
	}
	s.null.Store(math.Float64bits(c.NullShare))
	return s
}

// Parse checks the params of a start. It fails with a [*source.ParamsError] naming every fault.
func (s *Source) Parse(id string, params json.RawMessage) (source.Target, error) {
	spec := s.specs.of(params)
	if spec == nil {
		var err error
		if spec, err = parseParams(s.config, s.plain, params); err != nil {
			return source.Target{}, err
		}
		s.specs.keep(params, spec)
	}
	return source.Target{Ref: &transaction{key: keyOf(s.config.Seed, id), spec: spec}, Policy: &spec.policy}, nil
}

// Watch begins to observe a target that Parse returned; another one makes it panic.
func (s *Source) Watch(t source.Target, h source.Hint, o source.Observer) source.Handle {
	tx, ok := t.Ref.(*transaction)
	if !ok {
		panic(fmt.Sprintf("simulated: Watch of a target of another source: %T", t.Ref))
	}
	w := &watch{src: s, tx: *tx, observer: o}
	s.mu.Lock()
	defer s.mu.Unlock()
	if h.Since != 0 || h.Block != nil {
		s.hints[w] = h
	}
	s.watched++
	s.due.put(w, 0)
	s.poke()
	return w
}

// poke makes Run look for something to do.
func (s *Source) poke() {
	select {
	case s.bell <- struct{}{}:
	default:
	}
}

// Run follows the chain until ctx ends and returns its cause.
func (s *Source) Run(ctx context.Context) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		left := s.follow(ctx, s.config.Now())
		timer.Reset(left)
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-s.bell:
		case <-timer.C:
		}
	}
}

// Checkpoint returns the last block of which everything was handed over.
func (s *Source) Checkpoint() source.Checkpoint {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.checkpoint
}

// Health says how the chain is. Calls counts as a real source would: one for a new head, one for a batch of look-ups.
func (s *Source) Health() source.Health {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := s.health
	h.Head, h.Safe, h.Finalized = s.heads.latest, s.heads.safe, s.heads.finalized
	h.Watched, h.Calls = s.watched, maps.Clone(s.calls)
	for i := range s.config.Endpoints {
		h.Endpoints = append(h.Endpoints, source.EndpointHealth{
			Name: endpointName(i), Healthy: !h.Degraded, Head: h.Head, Error: h.Error,
		})
	}
	return h
}

// endpointName is what the ith endpoint, counted from 0, is called.
func endpointName(i int) string { return fmt.Sprintf("simulated-%d", i+1) }

// SetOutage makes the chain unreachable, or reachable again.
func (s *Source) SetOutage(on bool) {
	s.outage.Store(on)
	s.poke()
}

// SetNullShare sets which share of the look-ups of a pending transaction is answered with "unknown".
func (s *Source) SetNullShare(share float64) {
	s.null.Store(math.Float64bits(share))
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sweepSoon()
}

package ethereum

import (
	"errors"
	"fmt"
	"time"

	"trackerfleet/workers/source"
)

// trouble is a part of the work that can be in trouble by itself.
type trouble int

const (
	deepTrouble    trouble = iota // the chain changed below the window, and not everything was looked up again
	headTrouble                   // the head can't be followed
	receiptTrouble                // receipts are missing
	lookupTrouble                 // look-ups fail
	tagTrouble                    // a wanted tag can't be read
	troubles
)

// setTrouble says how a part of the work went; nil is well.
func (s *Source) setTrouble(t trouble, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.troubles[t] = err
	if err != nil {
		s.troubleAt = time.Now()
	}
}

func (s *Source) trouble(t trouble) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.troubles[t]
}

// Health says how the chain can be followed.
func (s *Source) Health() source.Health {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := source.Health{HeadAt: s.headAt, Watched: s.book.count, Calls: map[string]uint64{}}
	if err := errors.Join(s.troubles[:]...); err != nil {
		h.Degraded, h.ErrorAt = true, s.troubleAt
		for _, err := range s.troubles {
			if err != nil {
				h.Error = err.Error()
				break
			}
		}
	}
	if !s.book.window.empty() {
		h.Head = s.book.window.head().number
		h.Safe, h.Finalized = s.book.tags.height(source.Safe, h.Head), s.book.tags.height(source.Finalized, h.Head)
	}
	for kind := source.Safe; kind <= source.Finalized; kind++ {
		if s.book.tags.fallback[kind] {
			h.Notices = append(h.Notices, fmt.Sprintf("no endpoint names the %s head: %d blocks below the latest one stand in",
				kind, s.book.tags.depth[kind]))
		}
	}
	for _, e := range s.endpoints {
		eh := source.EndpointHealth{
			Name: e.client.Name(), Healthy: e.err == nil && e.head > 0, Head: e.head, LatencyMS: e.client.Latency().Milliseconds(),
		}
		if e.err != nil {
			eh.Error = e.err.Error()
		}
		h.Endpoints = append(h.Endpoints, eh)
		for method, n := range e.client.Counts() {
			h.Calls[method] += n
		}
	}
	return h
}

package ethereum

import (
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

// complaint is a trouble that there is.
type complaint struct {
	err         error     // nil: none
	first, last time.Time // since when, and when it was last said
}

// enduringPolls is how many polls a trouble must last for the source to be degraded where there are several endpoints: what one of
// them cannot do is tried at the next.
const enduringPolls = 3

// setTrouble says how a part of the work went; nil is well.
func (s *Source) setTrouble(t trouble, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.setTroubleLocked(t, err)
}

func (s *Source) setTroubleLocked(t trouble, err error) {
	if err == nil {
		s.troubles[t] = complaint{}
		return
	}
	now := time.Now()
	if s.troubles[t].err == nil {
		s.troubles[t].first = now
	}
	s.troubles[t].err, s.troubles[t].last = err, now
}

// degradedLocked returns the first trouble that degrades the source; false if there is none. The head and deep reorganisations do so
// at once.
func (s *Source) degradedLocked(now time.Time) (complaint, bool) {
	for t, c := range s.troubles {
		lasts := len(s.endpoints) == 1 || trouble(t) <= headTrouble || now.Sub(c.first) >= enduringPolls*s.cfg.Poll
		if c.err != nil && lasts {
			return c, true
		}
	}
	return complaint{}, false
}

func (s *Source) trouble(t trouble) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.troubles[t].err
}

// Health says how the chain can be followed.
func (s *Source) Health() source.Health {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := source.Health{HeadAt: s.headAt, Watched: s.book.count, Calls: map[string]uint64{}}
	if c, degraded := s.degradedLocked(time.Now()); degraded {
		h.Degraded, h.Error, h.ErrorAt = true, c.err.Error(), c.last
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
	for i, e := range s.endpoints {
		eh := source.EndpointHealth{
			Name: e.client.Name(), Healthy: e.err == nil && e.head > 0, Head: e.head, LatencyMS: e.client.Latency().Milliseconds(),
			Bell: s.bell.words(i),
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

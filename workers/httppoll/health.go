package httppoll

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"trackerfleet/workers/source"
)

// maxUnknown is how many different statuses that are not in the map are remembered.
const maxUnknown = 8

// report is what is told of the account.
type report struct {
	calls   uint64
	latency time.Duration
	err     error // the last one
	errAt   time.Time
	unknown []string
	failing bool // the last answer was of no use
}

// note adds what came of a request.
func (p *report) note(r reading, now time.Time, took time.Duration) {
	if r.code != 0 {
		p.latency = took
	}
	if r.err != nil {
		p.err, p.errAt = r.err, now
	}
	p.failing = r.outcome != useful
	for _, status := range r.unknown {
		if !slices.Contains(p.unknown, status) && len(p.unknown) < maxUnknown {
			p.unknown = append(p.unknown, status)
		}
	}
}

// Health says how the account can be followed. It is degraded when three answers in a row were of no use, or two in a row
// refused the credentials, and well again with the first good one. Error is the last one there was.
func (s *Source) Health() source.Health {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	h := source.Health{
		Degraded: s.gate.degraded(len(s.queue)+s.flying < 2), Watched: s.watched,
		Calls: map[string]uint64{strings.ToLower(s.cfg.Method): s.report.calls},
	}
	endpoint := source.EndpointHealth{Name: s.name, Healthy: !h.Degraded, LatencyMS: s.report.latency.Milliseconds()}
	if s.report.err != nil {
		h.Error, h.ErrorAt = s.report.err.Error(), s.report.errAt
		if s.report.failing {
			endpoint.Error = h.Error
		}
	}
	h.Endpoints = []source.EndpointHealth{endpoint}
	if notice := s.gate.notice(s.clock(now), s.wall(now, s.gate.until)); notice != "" {
		h.Notices = append(h.Notices, notice)
	}
	for _, status := range s.report.unknown {
		h.Notices = append(h.Notices, fmt.Sprintf("the status %q is not in the map: %s", status, s.cfg.Unknown))
	}
	return h
}

package simulated

import (
	"encoding/json"
	"sync"
)

const (
	maxSpecs     = 1024
	maxSpecBytes = 256 // of params
)

// specs keeps what params ask for by their very bytes, so that starts which say the same share it and are read once. Params that
// are long, or came after many others, are read each time. The zero value is ready.
type specs struct {
	mu    sync.RWMutex
	known map[string]*spec
}

// of returns what params ask for, nil if it is not known.
func (s *specs) of(params json.RawMessage) *spec {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.known[string(params)]
}

// keep remembers what params ask for, if there is room.
func (s *specs) keep(params json.RawMessage, asked *spec) {
	if len(params) > maxSpecBytes {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.known == nil {
		s.known = map[string]*spec{}
	}
	if len(s.known) < maxSpecs {
		s.known[string(params)] = asked
	}
}

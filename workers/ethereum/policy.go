package ethereum

import (
	"fmt"
	"sync"

	"trackerfleet/workers/source"
)

// maxPolicies is how many different policies are kept to be shared. Starts rarely ask for more than a handful; those beyond
// get one of their own.
const maxPolicies = 1024

// policies shares equal policies between targets. The zero value is ready.
type policies struct {
	mu    sync.Mutex
	known map[string]*source.Policy
}

// shared returns the one policy equal to p.
func (ps *policies) shared(p source.Policy) *source.Policy {
	key := fmt.Sprint(p)
	ps.mu.Lock()
	defer ps.mu.Unlock()
	if known := ps.known[key]; known != nil {
		return known
	}
	if ps.known == nil {
		ps.known = map[string]*source.Policy{}
	}
	if len(ps.known) < maxPolicies {
		ps.known[key] = &p
	}
	return &p
}

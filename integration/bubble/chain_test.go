package bubble

import (
	"time"

	"trackerfleet/workers/simulated"
)

// calmChain takes nothing back. It is an hour old now, so that what happens on it does not depend on when the test runs.
func calmChain() simulated.Config {
	return simulated.Config{
		Seed: 1, Genesis: time.Now().Add(-time.Hour), BlockTime: 500 * time.Millisecond, Confirmations: 3, DropAfter: 16,
	}
}

// stormyChain takes blocks back every few seconds, as deep as one can go that is not final, and some look-ups find nothing.
func (s *site) stormyChain(seed uint64) simulated.Config {
	c := s.chain
	c.Seed, c.ReorgShare, c.MaxReorgDepth, c.NullShare = seed, 0.2, c.Confirmations-1, 0.02
	return c
}

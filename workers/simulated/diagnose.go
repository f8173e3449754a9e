package simulated

import (
	"context"

	"trackerfleet/workers/source"
)

var _ source.Diagnoser = (*Source)(nil)

// Diagnose says that there is nothing to find, unless an outage was asked for.
func (s *Source) Diagnose(context.Context) []source.Finding {
	if s.outage.Load() {
		return []source.Finding{{Severity: source.Faulty, Message: "the chain cannot be reached: an outage is simulated"}}
	}
	return []source.Finding{{Message: "nothing to check: it makes its chain up by itself"}}
}

package bench

import (
	"slices"
	"time"
)

// latencies are how long requests took.
type latencies []time.Duration

// quantile returns the latency, in milliseconds, that a share q of all did not exceed; 0 if there are none.
func (l latencies) quantile(q float64) float64 {
	if len(l) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(l))
	at := min(int(q*float64(len(sorted))), len(sorted)-1)
	return float64(sorted[at]) / float64(time.Millisecond)
}

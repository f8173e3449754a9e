package supervision

import (
	"fmt"
	"time"
)

// Intensity limits restarts of one child to MaxRestarts within any span of Period. The zero value allows 5 in 1m.
// A negative MaxRestarts allows none.
type Intensity struct {
	MaxRestarts int
	Period      time.Duration
}

const (
	defaultMaxRestarts = 5
	defaultPeriod      = time.Minute
)

// WithDefaults returns the limits as they are applied.
func (i Intensity) WithDefaults() Intensity {
	if i.MaxRestarts == 0 {
		i.MaxRestarts = defaultMaxRestarts
	}
	i.MaxRestarts = max(i.MaxRestarts, 0)
	if i.Period == 0 {
		i.Period = defaultPeriod
	}
	return i
}

func (i Intensity) faults(faults []error) []error {
	if i.Period < 0 {
		faults = append(faults, fmt.Errorf("type.intensity.period: negative %v", i.Period))
	}
	return faults
}

// Exceeded reports whether a child whose ends so far are crashes, oldest first and the one at now included, has used up its
// restarts: whether more than MaxRestarts of them lie within Period before now.
func (i Intensity) Exceeded(crashes []time.Time, now time.Time) bool {
	i = i.WithDefaults()
	first := len(crashes) - 1 - i.MaxRestarts // of MaxRestarts + 1
	return first >= 0 && now.Sub(crashes[first]) < i.Period
}

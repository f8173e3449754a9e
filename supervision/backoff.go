package supervision

import (
	"errors"
	"fmt"
	"time"
)

// Backoff spaces the restarts of one child: before the nth in a row a random time between nothing and
// Base * Factor^(n-1), at most Cap (full jitter). The row ends with a spell of Reset without a crash, counted from the last
// one, so it should be well above Cap.
type Backoff struct {
	Base   time.Duration // 0 is 100 ms; negative is no delay at all
	Factor float64       // 0 is 2
	Cap    time.Duration // 0 is 30 s
	Reset  time.Duration // 0 is 1 min and twice the cap, whichever is more
}

const (
	defaultBase   = 100 * time.Millisecond
	defaultFactor = 2
	defaultCap    = 30 * time.Second
	defaultReset  = time.Minute

	longestRow = 64
)

func (b Backoff) withDefaults() Backoff {
	if b.Base == 0 {
		b.Base = defaultBase
	}
	if b.Factor == 0 {
		b.Factor = defaultFactor
	}
	if b.Cap == 0 {
		b.Cap = defaultCap
	}
	if b.Reset == 0 {
		b.Reset = max(defaultReset, 2*b.Cap)
	}
	return b
}

func (b Backoff) faults(faults []error) []error {
	if b.Factor != 0 && !(b.Factor >= 1) {
		faults = append(faults, fmt.Errorf("type.backoff.factor: %v is below 1", b.Factor))
	}
	if b.Cap < 0 || b.Reset < 0 {
		faults = append(faults, errors.New("type.backoff: negative cap or reset"))
	}
	return faults
}

// Attempt returns the number, from 1, of the restart in a row that follows the last of crashes, which are in order of time. It
// counts up to 64, which is more than what any sensible backoff takes to reach its cap.
func (b Backoff) Attempt(crashes []time.Time) int {
	b = b.withDefaults()
	crashes = crashes[max(0, len(crashes)-longestRow):]
	n := min(len(crashes), 1)
	for i := len(crashes) - 1; i > 0 && crashes[i].Sub(crashes[i-1]) < b.Reset; i-- {
		n++
	}
	return max(n, 1)
}

// Ceiling returns the longest time before restart number attempt.
func (b Backoff) Ceiling(attempt int) time.Duration {
	b = b.withDefaults()
	if b.Base < 0 {
		return 0
	}
	d := float64(b.Base)
	for ; attempt > 1 && d < float64(b.Cap); attempt-- {
		if b.Factor == 1 {
			break
		}
		d *= b.Factor
	}
	if d >= float64(b.Cap) {
		return b.Cap
	}
	return time.Duration(d)
}

// Delay returns the time before restart number attempt, for a random number from 0 to below 1.
func (b Backoff) Delay(attempt int, random float64) time.Duration {
	return time.Duration(random * float64(b.Ceiling(attempt)))
}

// memory is how many crashes are kept: enough for the intensity and for a row.
func memory(i Intensity) int { return max(i.WithDefaults().MaxRestarts+1, longestRow) }

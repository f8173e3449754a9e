package ethereum

import "time"

// An endpoint that fails is left alone for openBase, twice as long after every further failure, at most for openCap. It is
// trusted again when it has been well for as long as that, at least for minProbation, and its failures are forgotten when it has
// been well for forgetAfter times as long.
const (
	openBase     = time.Second
	openCap      = 5 * time.Minute
	minProbation = 10 * time.Second
	forgetAfter  = 10
)

// breaker keeps what fails from being asked for ever longer spans, and from being relied on as soon as it answers again. It
// reads no clock. The zero value is closed and trusted.
type breaker struct {
	strikes int       // failures that are not forgotten
	until   time.Time // it is open until then
	well    time.Time // since when everything went well; zero: not so
}

// fail takes a failure in. The breaker stays open until notBefore at least.
func (b *breaker) fail(now, notBefore time.Time) {
	if b.ready(now) || b.strikes == 0 { // one that is asked while it is open, for want of a better one, is not to blame again
		b.doubt(now)
	}
	b.well = time.Time{}
	b.until = now.Add(b.span())
	if notBefore.After(b.until) {
		b.until = notBefore
	}
}

// doubt takes in that something isn't as it should be, which is no reason not to ask.
func (b *breaker) doubt(now time.Time) {
	if !b.well.IsZero() && now.Sub(b.well) >= forgetAfter*b.probation() {
		b.strikes = 0
	}
	b.strikes++
	b.well = time.Time{}
}

// succeed takes a success in.
func (b *breaker) succeed(now time.Time) {
	b.until = time.Time{}
	if b.well.IsZero() {
		b.well = now
	}
}

// ready reports whether it is time to ask.
func (b *breaker) ready(now time.Time) bool { return !now.Before(b.until) }

// trusted reports whether it has been well for long enough to be relied on.
func (b *breaker) trusted(now time.Time) bool {
	return b.strikes == 0 || b.ready(now) && !b.well.IsZero() && now.Sub(b.well) >= b.probation()
}

func (b *breaker) span() time.Duration {
	return min(openBase<<min(max(b.strikes-1, 0), 20), openCap)
}

func (b *breaker) probation() time.Duration { return max(b.span(), minProbation) }

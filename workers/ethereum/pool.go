package ethereum

import (
	"fmt"
	"time"

	"trackerfleet/workers/source"
)

// lagFor is how long an endpoint may be less than MaxLag blocks behind another one.
const lagFor = 15 * time.Second

// goneAfter is after what time without any good answer, or of look-ups that failed, an endpoint is no longer one of those whose word is
// waited for before a transaction is said to be gone: one that nobody takes out of the configuration must not make trackers wait for ever.
const goneAfter = 10 * time.Minute

// pool knows how the endpoints are and says which one to ask. It does no I/O and reads no clock. Source.mu guards it.
//
// The first one configured is preferred. Another one takes over as soon as it cannot be followed, and hands back when the
// preferred one has been well for a while, so that one that comes and goes drags nobody along.
type pool struct {
	members   []*endpoint
	maxLag    uint64
	following int // index of the endpoint whose chain is followed
}

// toFollow returns the index of the endpoint to follow among those not tried, -1 for none: the first that is trusted or is
// followed already, then the first on probation, then one that lags. If none of them is left, and lastResort, it is the one
// that has been left alone for the longest.
func (p *pool) toFollow(now time.Time, tried []bool, lastResort bool) int {
	best, rank := -1, 3
	for i, e := range p.members {
		r := 3
		switch {
		case tried[i]:
			continue
		case !e.line.ready(now):
			if !lastResort || rank < 3 || best >= 0 && !e.line.until.Before(p.members[best].line.until) {
				continue
			}
		case e.lags:
			r = 2
		case i != p.following && !e.line.trusted(now):
			r = 1
		default:
			r = 0
		}
		if best < 0 || r < rank || r == 3 {
			best, rank = i, r
		}
	}
	return best
}

// another reports whether an endpoint that was not tried is ready to be followed.
func (p *pool) another(now time.Time, tried []bool) bool {
	i := p.toFollow(now, tried, false)
	return i >= 0 && !p.members[i].lags
}

// toAsk returns the index of the endpoint to ask in a look-up after last: the next one that is well, or else the one that has been
// left alone for the longest.
func (p *pool) toAsk(last int, now time.Time) int {
	best := -1
	for n := range p.members {
		i := (last + 1 + n) % len(p.members)
		e := p.members[i]
		if e.line.ready(now) && e.finds.ready(now) {
			best = i
			break
		}
		if best < 0 || e.askable().Before(p.members[best].askable()) {
			best = i
		}
	}
	return best
}

// askable returns when e can be asked in a look-up.
func (e *endpoint) askable() time.Time {
	if e.finds.until.After(e.line.until) {
		return e.finds.until
	}
	return e.line.until
}

// due returns the endpoints that are not followed and are to be probed: seldom if all is well, and every time while they are
// on probation.
func (p *pool) due(now time.Time, every time.Duration) []*endpoint {
	var due []*endpoint
	for i, e := range p.members {
		if i == p.following || !e.line.ready(now) {
			continue
		}
		if e.seen.IsZero() || !e.line.trusted(now) || e.lags || now.Sub(e.seen) >= every {
			due = append(due, e)
		}
	}
	return due
}

// lag says by how much e, which has just said its head, lags behind the best of the others that can be followed; nil if it
// doesn't. Only what was known before counts: e may be the first to have a block.
func (p *pool) lag(e *endpoint, now time.Time) error {
	for _, other := range p.members {
		if other == e || other.head <= e.head || other.lags || !other.line.ready(now) || other.line.strikes > 0 && other.line.well.IsZero() {
			continue
		}
		if other.head-e.head >= p.maxLag || now.Sub(other.headAt) >= lagFor {
			return fmt.Errorf("%w: it is at %d, %s is at %d", ErrLag, e.head, other.client.Name(), other.head)
		}
	}
	return nil
}

// judge takes in that e has just said its head, and returns by how much it lags, if it does.
func (p *pool) judge(e *endpoint, head uint64, now time.Time) error {
	e.saw(head, now)
	err := p.lag(e, now)
	if err != nil && !e.lags {
		e.line.doubt(now)
	}
	e.lags = err != nil
	return err
}

// witnesses returns how many endpoints there are to say what they know of a transaction, 1 at least.
func (p *pool) witnesses(now time.Time) int {
	n := 0
	for _, e := range p.members {
		if now.Sub(e.good) < goneAfter && !e.blind {
			n++
		}
	}
	return max(n, 1)
}

// tagger returns the endpoint to ask for a tag: the followed one unless it has none and another may have one.
func (p *pool) tagger(kind source.Finality, now time.Time) *endpoint {
	followed := p.members[p.following]
	if followed.offers[kind].since == 0 {
		return followed
	}
	for _, want := range []func(*endpoint) bool{
		func(e *endpoint) bool { return e.offers[kind].since == 0 },
		func(e *endpoint) bool { return !e.offers[kind].none },
	} {
		for _, e := range p.members {
			if want(e) && e.line.ready(now) {
				return e
			}
		}
	}
	return followed
}

// tagless reports whether no endpoint offers the tag, as far as they can be asked.
func (p *pool) tagless(kind source.Finality, now time.Time) bool {
	for _, e := range p.members {
		if !e.offers[kind].none && e.line.ready(now) {
			return false
		}
	}
	return true
}

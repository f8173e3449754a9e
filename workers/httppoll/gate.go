package httppoll

import (
	"fmt"
	"net/http"
	"time"
)

// gate says whether the account may be asked now. It is a pure state machine on the source's clock.
type gate struct {
	until    int64 // no request before
	failures int   // answers in a row that were of no use
	refusals int   // how many of them refused the credentials
	code     int   // of the last refusal
}

// troubled is how many answers of no use in a row are trouble of the account rather than of one transaction.
const troubled = 3

// probing reports whether one request at a time is to find out if the account is well again.
func (g *gate) probing() bool { return g.failures >= troubled || g.refusals > 0 }

// degraded reports whether the account can't be followed. A refusal may be of one transaction alone: it takes two in a row,
// which are of two transactions if there are two.
func (g *gate) degraded(alone bool) bool {
	return g.failures >= troubled || g.refusals > 1 || g.refusals == 1 && alone
}

// passed notes an answer that was of use.
func (g *gate) passed() { g.failures, g.refusals = 0, 0 }

// refused notes that the credentials were not taken, and stops all but a probe now and then.
func (g *gate) refused(now int64, code int, c *Config) {
	g.failures, g.refusals, g.code = g.failures+1, g.refusals+1, code
	g.pause(now, backoff(g.refusals, c), c.Probe)
}

// failed notes an answer of no use.
func (g *gate) failed(now int64, c *Config) {
	if g.failures++; g.failures >= troubled {
		g.pause(now, backoff(g.failures-troubled+1, c), c.Probe)
	}
}

// paced notes that the account was asked to wait, for as long as it said, or else longer each time.
func (g *gate) paced(now int64, pause time.Duration, asked bool, c *Config) {
	if g.failures++; !asked {
		pause = backoff(g.failures, c)
	}
	g.pause(now, pause, c.MaxPause)
}

func (g *gate) pause(now int64, pause, limit time.Duration) {
	g.until = max(g.until, now+int64(min(pause, limit)))
}

// backoff returns the pause after the nth failure in a row: a second, or the first interval if that is shorter, doubled each
// time up to Probe.
func backoff(n int, c *Config) time.Duration {
	pause := min(time.Second, c.Intervals[0])
	for range min(n-1, 40) {
		if pause >= c.Probe {
			break
		}
		pause *= 2
	}
	return min(pause, c.Probe)
}

// wait says what everybody waits for while the gate is not open, the next request at at or later.
func (g *gate) wait(at time.Time) string {
	clock := at.UTC().Format(time.RFC3339)
	switch {
	case g.refusals > 0:
		return fmt.Sprintf("the credentials to be taken again: they are refused (%d %s), the next probe is at %s",
			g.code, http.StatusText(g.code), clock)
	case g.failures >= troubled:
		return fmt.Sprintf("the account to answer again: %d answers in a row were of no use, the next probe is at %s", g.failures, clock)
	}
	return "the end of the account's pause at " + clock
}

// notice says what the gate does at a time; "" if it is open.
func (g *gate) notice(now int64, at time.Time) string {
	switch {
	case g.refusals > 0:
		return fmt.Sprintf("stopped: the credentials are refused (%d %s); one request at a time looks whether they are taken again, next at %s",
			g.code, http.StatusText(g.code), at.UTC().Format(time.RFC3339))
	case g.until > now:
		return "all requests pause until " + at.UTC().Format(time.RFC3339)
	}
	return ""
}

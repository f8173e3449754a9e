package httppoll

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// retryAfter reads the Retry-After header: seconds or a date (RFC 9110, 10.2.3). A date counts from the answer's own, if it
// has one, so that clocks need not agree.
func retryAfter(h http.Header, now time.Time) (pause time.Duration, ok bool) {
	v := strings.TrimSpace(h.Get("Retry-After"))
	if v == "" {
		return 0, false
	}
	if seconds, err := strconv.ParseFloat(v, 64); err == nil {
		if seconds >= 0 && seconds < 1e9 {
			return time.Duration(seconds * float64(time.Second)), true
		}
		return 0, false
	}
	until, err := http.ParseTime(v)
	if err != nil {
		return 0, false
	}
	if sent, err := http.ParseTime(h.Get("Date")); err == nil {
		now = sent
	}
	return max(until.Sub(now), 0), true
}

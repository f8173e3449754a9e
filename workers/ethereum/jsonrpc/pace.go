package jsonrpc

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// defaultPause is the wait after a 429 that doesn't say for how long.
const defaultPause = time.Second

// retryAfter reads the Retry-After header: seconds or a date (RFC 9110, 10.2.3).
func retryAfter(h http.Header, now time.Time) (time.Duration, bool) {
	v := strings.TrimSpace(h.Get("Retry-After"))
	if v == "" {
		return 0, false
	}
	if s, err := strconv.ParseFloat(v, 64); err == nil && s >= 0 && s < 1e9 {
		return time.Duration(s * float64(time.Second)), true
	}
	if t, err := http.ParseTime(v); err == nil {
		return max(t.Sub(now), 0), true
	}
	return 0, false
}

// resetAfter reads how long a 429 without Retry-After asks to wait, from the headers that providers and gateways send instead:
// seconds from now, or since 1970 (in milliseconds too), which no wait is as long as.
func resetAfter(h http.Header, now time.Time) (time.Duration, bool) {
	for _, name := range []string{"RateLimit-Reset", "X-RateLimit-Reset", "X-Rate-Limit-Reset"} {
		v, err := strconv.ParseFloat(strings.TrimSpace(h.Get(name)), 64)
		switch {
		case err != nil || !(v >= 0) || v >= 1e15:
		case v >= 1e11:
			return max(time.UnixMilli(int64(v)).Sub(now), 0), true
		case v >= 1e8:
			return max(time.Unix(int64(v), 0).Sub(now), 0), true
		default:
			return time.Duration(v * float64(time.Second)), true
		}
	}
	return 0, false
}

// paced reports whether e asks to slow down. Codes and words are those that providers use: 429 as a code, -32005 (EIP-1474
// limit exceeded) and -32007, -32029, -32097 by their message.
func (e *Error) paced() bool {
	if e.Code == 429 {
		return true
	}
	m := strings.ToLower(e.Message)
	for _, word := range []string{
		"rate limit", "ratelimit", "too many requests", "request limit", "requests per second",
		"limit exceeded for", "compute units", "daily request count", "capacity exceeded", "throttl",
	} {
		if strings.Contains(m, word) {
			return true
		}
	}
	return e.Code == -32005 && !strings.Contains(m, "batch") && !strings.Contains(m, "size")
}

// pause reads how long the error's data asks to wait.
func (e *Error) pause() (time.Duration, bool) {
	var data struct {
		RetryAfter any `json:"retry_after"`
		Camel      any `json:"retryAfter"`
		TryAgainIn any `json:"try_again_in"`
		Backoff    any `json:"backoff_seconds"`
		Rate       struct {
			Backoff any `json:"backoff_seconds"`
		} `json:"rate"`
	}
	if json.Unmarshal(e.Data, &data) != nil {
		return 0, false
	}
	for _, v := range []any{data.RetryAfter, data.Camel, data.TryAgainIn, data.Backoff, data.Rate.Backoff} {
		switch v := v.(type) {
		case float64:
			if v >= 0 && v < 1e9 {
				return time.Duration(v * float64(time.Second)), true
			}
		case string:
			if d, err := time.ParseDuration(v); err == nil && d >= 0 {
				return d, true
			}
			if s, err := strconv.ParseFloat(v, 64); err == nil && s >= 0 && s < 1e9 {
				return time.Duration(s * float64(time.Second)), true
			}
		}
	}
	return 0, false
}

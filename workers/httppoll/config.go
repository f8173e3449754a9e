package httppoll

import (
	"errors"
	"fmt"
	"net/http"
	"time"
)

// Config is the profile of one account. URL and Map have no default.
type Config struct {
	// URL is where to ask, with variables in braces: https://api.example.com/v1/payments/{id}. Starts give the variables in
	// their params; {transaction_id} is the ID of the start. There are none in the host.
	URL string
	// Method is GET, HEAD or POST. "": GET.
	Method string
	// Headers are sent with every request. Their values are secrets.
	Headers map[string]string
	// Bearer is a token to authenticate with, User and Password are for basic authentication. Secrets.
	Bearer, User, Password string

	// Status is the expression (expr-lang.org) that finds the status in a 2xx answer. It sees body (the JSON), header (by
	// lower-case name), code, and item: one of the list, or the body where there is no list. "": item.status.
	Status string
	// Map says what the provider's statuses mean.
	Map Map
	// Unknown is what to do about a status that Map doesn't have: keep_polling or fail. "": keep_polling.
	Unknown string
	// List has one request answer for many transactions.
	List List

	// Intervals are the pauses between the looks at one transaction: the first after the first look, the last for ever. A
	// change begins anew. nil: 5s 10s 30s 1m 5m 15m.
	Intervals []time.Duration
	// Jitter is the share by which an interval may be shorter or longer, so that looks spread. 0: 0.2; at most 0.9.
	Jitter float64
	// Rate limits requests a second. 0: 10.
	Rate float64
	// Concurrency limits requests under way. 0: 4.
	Concurrency int
	// Timeout limits one request, the reading of its answer included. 0: 10 s.
	Timeout time.Duration
	// MaxBody limits one answer, in bytes, decompressed. 0: 1 MiB.
	MaxBody int64
	// MaxPause limits for how long the provider can stop all requests by Retry-After. 0: 15 m.
	MaxPause time.Duration
	// Probe is the longest pause between two looks whether an account that is stopped or in trouble is well again. 0: 1 m.
	Probe time.Duration

	// MissingChecks is the number of looks in vain that make a pending transaction missing. 0: 3.
	MissingChecks int
	// DropAfter is how long a transaction is looked for in vain before it is dropped. 0: 24 h.
	DropAfter time.Duration

	// AllowHTTP allows a URL without TLS, AllowPrivate a host with a private address, loopback included.
	AllowHTTP, AllowPrivate bool

	// Transport carries requests in place of one that checks addresses. For tests.
	Transport http.RoundTripper
}

// Map lists the provider's statuses by what they mean. Each may be listed once; case matters.
type Map struct {
	Pending   []string `koanf:"pending" doc:"provider's statuses of what is under way"`
	Missing   []string `koanf:"missing" doc:"provider's statuses of what it does not know; as 404"`
	Confirmed []string `koanf:"confirmed" doc:"provider's statuses of what has succeeded for good"`
	Failed    []string `koanf:"failed" doc:"provider's statuses of what has failed for good"`
	Stopped   []string `koanf:"stopped" doc:"provider's statuses of what was called off"`
	Expired   []string `koanf:"expired" doc:"provider's statuses of what was given up undecided"`
	Dropped   []string `koanf:"dropped" doc:"provider's statuses of what is forgotten for good; as 410"`
}

// List is how one answer holds many transactions. It is used if Items is set.
type List struct {
	// Items is the expression of the list in an answer, such as body.data. It sees body, header and code.
	Items string `koanf:"items" doc:"expression of the list that one answer holds, such as body.data; empty: one request per transaction"`
	// ID is the expression of an item's id, which starts give as params.id. "": item.id.
	ID string `koanf:"id" doc:"expression of an item's id, which starts give as params.id"`
	// Complete says that what is not in the list is not there; else it may just not be in this part of it.
	Complete bool `koanf:"complete" doc:"what is not in the list counts as looked for in vain; else that says nothing"`
}

// What to do about a status that is not in the map.
const (
	KeepPolling = "keep_polling"
	Fail        = "fail"
)

// Defaults returns the config of a profile that sets nothing. Each call returns a copy of its own.
func Defaults() Config { return Config{}.withDefaults() }

func or[T comparable](v *T, otherwise T) {
	var zero T
	if *v == zero {
		*v = otherwise
	}
}

func (c Config) withDefaults() Config {
	or(&c.Method, http.MethodGet)
	or(&c.Status, "item.status")
	or(&c.List.ID, "item.id")
	or(&c.Unknown, KeepPolling)
	if len(c.Intervals) == 0 {
		c.Intervals = []time.Duration{5 * time.Second, 10 * time.Second, 30 * time.Second, time.Minute, 5 * time.Minute, 15 * time.Minute}
	}
	or(&c.Jitter, 0.2)
	or(&c.Rate, 10)
	or(&c.Concurrency, 4)
	or(&c.Timeout, 10*time.Second)
	or(&c.MaxBody, 1<<20)
	or(&c.MaxPause, 15*time.Minute)
	or(&c.Probe, time.Minute)
	or(&c.MissingChecks, 3)
	or(&c.DropAfter, 24*time.Hour)
	return c
}

// listed reports whether one answer holds many transactions.
func (c Config) listed() bool { return c.List.Items != "" }

// faults collects what is wrong with a config, by the field's name in the file. No secret is repeated in it.
type faults []error

func (f *faults) want(ok bool, field, format string, args ...any) {
	if !ok {
		*f = append(*f, fmt.Errorf("httppoll: %s: %s", field, fmt.Sprintf(format, args...)))
	}
}

// validate joins every fault of a config with defaults that belongs to one field alone.
func (c Config) validate() error {
	var f faults
	f.want(c.Method == http.MethodGet || c.Method == http.MethodHead || c.Method == http.MethodPost, "method", "must be GET, HEAD or POST")
	f.want(c.Unknown == KeepPolling || c.Unknown == Fail, "unknown", "must be keep_polling or fail")
	f.want(len(c.Intervals) <= maxIntervals, "intervals", "are %d, at most %d are possible", len(c.Intervals), maxIntervals)
	for _, d := range c.Intervals {
		f.want(d >= time.Millisecond && d <= maxInterval, "intervals", "%v is not between 1ms and %v", d, maxInterval)
	}
	f.want(c.Jitter >= 0 && c.Jitter <= 0.9, "jitter", "%v is not between 0 and 0.9", c.Jitter)
	f.want(c.Rate > 0 && c.Rate <= 10_000, "rate", "%v is not above 0 and at most 10000", c.Rate)
	f.want(c.Concurrency >= 1 && c.Concurrency <= 256, "concurrency", "%d is not between 1 and 256", c.Concurrency)
	f.want(c.MaxBody >= 1 && c.MaxBody <= 64<<20, "max_body", "%d is not between 1 and %d", c.MaxBody, 64<<20)
	f.want(c.MissingChecks >= 1 && c.MissingChecks <= 1000, "missing_checks", "%d is not between 1 and 1000", c.MissingChecks)
	for _, d := range []struct {
		field string
		value time.Duration
	}{{"timeout", c.Timeout}, {"max_pause", c.MaxPause}, {"probe", c.Probe}, {"drop_after", c.DropAfter}} {
		f.want(d.value >= time.Millisecond && d.value <= maxDuration, d.field, "%v is not between 1ms and %v", d.value, maxDuration)
	}
	c.validateHeaders(&f)
	return errors.Join(f...)
}

// Bounds of a config.
const (
	maxIntervals = 32
	maxInterval  = 30 * 24 * time.Hour
	maxDuration  = 365 * 24 * time.Hour
)

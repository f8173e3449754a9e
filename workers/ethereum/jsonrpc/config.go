package jsonrpc

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"
)

// Config says how to talk to one server. Only URL is required.
type Config struct {
	// URL is the http or https address. User, path and query are taken for secrets.
	URL string
	// Headers are sent with every request. Their values are taken for secrets.
	Headers http.Header
	// Rate limits calls (not requests) per second. 0: no limit of our own.
	Rate float64
	// BatchSize is the largest batch to try. 0: 50.
	BatchSize int
	// Timeout limits one request, the reading of its answer included. 0: 10 s.
	Timeout time.Duration
	// MaxBody limits an answer's size in bytes, decompressed. 0: 10 MB.
	MaxBody int64
	// MaxPause limits how long a server can make the client wait by Retry-After. 0: 5 m.
	MaxPause time.Duration
	// Transport carries the requests. nil: a transport of the client's own.
	Transport http.RoundTripper
}

func (c Config) withDefaults() Config {
	if c.BatchSize == 0 {
		c.BatchSize = 50
	}
	if c.Timeout == 0 {
		c.Timeout = 10 * time.Second
	}
	if c.MaxBody == 0 {
		c.MaxBody = 10_000_000
	}
	if c.MaxPause == 0 {
		c.MaxPause = 5 * time.Minute
	}
	if c.Transport == nil {
		t := http.DefaultTransport.(*http.Transport).Clone()
		t.MaxIdleConnsPerHost = 4
		c.Transport = t
	}
	return c
}

func (c Config) validate() (*url.URL, error) {
	var faults []error
	u, err := url.Parse(c.URL)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		faults = append(faults, errors.New("jsonrpc: URL: want http:// or https:// and a host"))
	}
	for _, f := range []struct {
		name string
		bad  bool
	}{
		{"Rate", c.Rate < 0},
		{"BatchSize", c.BatchSize < 1},
		{"Timeout", c.Timeout < 0},
		{"MaxBody", c.MaxBody < 1},
		{"MaxPause", c.MaxPause < 0},
	} {
		if f.bad {
			faults = append(faults, fmt.Errorf("jsonrpc: %s: must not be negative", f.name))
		}
	}
	return u, errors.Join(faults...)
}

package httppoll

import (
	"crypto/tls"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"code.dny.dev/ssrf"
)

// portOf returns the port that u leads to.
func portOf(u *url.URL) (uint16, error) {
	switch {
	case u.Port() != "":
		port, err := strconv.ParseUint(u.Port(), 10, 16)
		return uint16(port), err
	case u.Scheme == "http":
		return 80, nil
	}
	return 443, nil
}

// guardian refuses addresses that are not public, and ports other than u's.
func (c Config) guardian(u *url.URL) *ssrf.Guardian {
	port, _ := portOf(u)
	return ssrf.New(ssrf.WithPorts(port))
}

// transport carries the requests to u. It looks at the address itself when it dials, whatever the name resolved to, and goes
// through no proxy, which would dial in its place.
func (c Config) transport(u *url.URL) http.RoundTripper {
	if c.Transport != nil {
		return c.Transport
	}
	dialer := &net.Dialer{Timeout: c.Timeout, KeepAlive: 30 * time.Second}
	if !c.AllowPrivate {
		dialer.Control = c.guardian(u).Safe
	}
	return &http.Transport{
		DialContext:            dialer.DialContext,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    c.Timeout,
		ForceAttemptHTTP2:      true,
		MaxIdleConnsPerHost:    c.Concurrency,
		IdleConnTimeout:        90 * time.Second,
		MaxResponseHeaderBytes: maxHeaderBytes,
	}
}

const (
	maxHeaderBytes = 64 << 10
	maxRedirects   = 3
)

// sameHost follows redirects within scheme and host, and stops at any other.
func sameHost(r *http.Request, via []*http.Request) error {
	first := via[0].URL
	if r.URL.Scheme != first.Scheme || r.URL.Host != first.Host || len(via) > maxRedirects {
		return http.ErrUseLastResponse
	}
	return nil
}

package config

import (
	"fmt"
	"math"
	"net"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// checker collects what is wrong with settings that could be decoded.
type checker struct {
	*Loaded
	skip   func(path string) bool
	faults Faults
}

// check returns what is wrong with the values; paths for which skip holds have a fault already.
func (l *Loaded) check(skip func(path string) bool) Faults {
	c := &checker{Loaded: l, skip: skip}
	c.connection()
	c.worker()
	c.supervision()
	for _, name := range sortedKeys(l.Sources) {
		c.source("sources."+name, l.Sources[name])
	}
	c.defaultSource()
	return c.faults
}

// want adds a fault to path unless ok holds.
func (c *checker) want(ok bool, path, format string, args ...any) {
	if !ok && !c.skip(path) {
		c.faults = append(c.faults, Fault{Key: path, Message: fmt.Sprintf(format, args...), Origin: c.Origin(path)})
	}
}

func (c *checker) between(path string, got, low, high time.Duration) {
	c.want(got >= low && got <= high, path, "%v is not between %v and %v", got, low, high)
}

func (c *checker) oneOf(path, got string, allowed ...string) {
	c.want(slices.Contains(allowed, got), path, "%q is none of %s", got, strings.Join(allowed, ", "))
}

func (c *checker) readable(path, name string) {
	if name == "" {
		return
	}
	f, err := os.Open(name)
	c.want(err == nil, path, "%v", err)
	if err == nil {
		f.Close()
	}
}

func (c *checker) connection() {
	c.want(len(c.Server) > 0, "server", "names no server")
	for _, s := range c.Server {
		u, err := url.Parse(string(s))
		c.want(err == nil && u.Host != "" && slices.Contains([]string{"nats", "tls", "ws", "wss"}, u.Scheme), "server",
			"%q is not a URL such as nats://host:4222", s.String())
	}
	c.readable("creds", c.Creds)
	c.readable("tls.ca", c.TLS.CA)
	c.readable("tls.cert", c.TLS.Cert)
	c.readable("tls.key", c.TLS.Key)
	c.want((c.TLS.Cert == "") == (c.TLS.Key == ""), "tls.cert", "a certificate needs its key, and a key its certificate")
	c.between("timeout", c.Timeout, time.Millisecond, 24*time.Hour)
	c.oneOf("output", c.Output, "table", "json", "jsonl", "none")
}

func (c *checker) worker() {
	c.want(c.Name == "" || sourceName.MatchString(c.Name), "name", "%q is not 1 to 64 of A-Z a-z 0-9 _ -", c.Name)
	c.want(sourceName.MatchString(c.Fleet), "fleet", "%q is not 1 to 64 of A-Z a-z 0-9 _ -", c.Fleet)
	c.want(c.MaxTrackers >= 1, "max_trackers", "%d is not 1 or more", c.MaxTrackers)
	c.between("retention.finished", c.Retention.Finished, time.Second, 10*365*24*time.Hour)
	c.between("retention.events", c.Retention.Events, time.Second, 10*365*24*time.Hour)
	c.want(c.Streams.Replicas >= 1 && c.Streams.Replicas <= 5, "streams.replicas", "%d is not between 1 and 5", c.Streams.Replicas)
	c.listen()
	c.between("lease", c.Lease, 300*time.Millisecond, 5*time.Minute)
	c.between("stop_timeout", c.StopTimeout, time.Second, time.Hour)
	c.oneOf("manage_assets", c.ManageAssets, "create", "verify")
	c.oneOf("log.level", c.Log.Level, "debug", "info", "warn", "error")
	c.oneOf("log.format", c.Log.Format, "console", "json")
	c.want(c.Port >= 0 && c.Port <= math.MaxUint16, "port", "%d is not a TCP port", c.Port)
	c.want(c.Workers >= 1 && c.Workers <= 64, "workers", "%d is not between 1 and 64", c.Workers)
}

func (c *checker) listen() {
	if c.HTTP == "" {
		return
	}
	host, port, err := net.SplitHostPort(c.HTTP)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if err != nil {
		c.want(false, "http", "%q is not an address such as 127.0.0.1:8460", c.HTTP)
		return
	}
	ip := net.ParseIP(host)
	loopback := host == "localhost" || (ip != nil && ip.IsLoopback())
	c.want(loopback || c.HTTPInsecure, "http",
		"%q is reachable from other machines without TLS or authentication; use 127.0.0.1, or --http-insecure to allow it", c.HTTP)
}

func (c *checker) supervision() {
	s := c.Supervision
	c.want(s.MaxRestarts >= 1 && s.MaxRestarts <= 1000, "supervision.max_restarts", "%d is not between 1 and 1000", s.MaxRestarts)
	c.between("supervision.period", s.Period, time.Second, 24*time.Hour)
	c.between("supervision.backoff.base", s.Backoff.Base, time.Millisecond, time.Hour)
	c.between("supervision.backoff.cap", s.Backoff.Cap, time.Millisecond, 24*time.Hour)
	c.want(s.Backoff.Base <= s.Backoff.Cap, "supervision.backoff.cap", "%v is below base, %v", s.Backoff.Cap, s.Backoff.Base)
}

func (c *checker) defaultSource() {
	if c.DefaultSource == "" {
		return
	}
	_, ok := c.Sources[c.DefaultSource]
	path := "sources." + c.DefaultSource
	c.want(ok || c.skip(path) || c.skip(path+".kind"), "default_source", "source %q %s", c.DefaultSource,
		unknownKey(c.DefaultSource, sortedKeys(c.Sources)))
}

func (c *checker) source(path string, s Source) {
	if sim := s.Simulated; sim != nil {
		c.between(path+".block_time", sim.BlockTime, time.Millisecond, time.Hour)
	}
	eth := s.Ethereum
	if eth == nil {
		return
	}
	c.between(path+".poll", eth.Poll, 10*time.Millisecond, time.Hour)
	c.want(strings.HasPrefix(eth.Chain, "eip155:"), path+".chain", "%q is not a CAIP-2 name such as eip155:1", eth.Chain)
	c.want(len(eth.Endpoints) > 0, path+".endpoints", "an ethereum source needs at least one endpoint")
	for i, e := range eth.Endpoints {
		at := path + ".endpoints[" + strconv.Itoa(i) + "]"
		c.endpointURL(at+".url", e.URL, true, "http", "https")
		c.endpointURL(at+".ws", e.WS, false, "ws", "wss")
		c.want(e.Rate >= 0 && !math.IsInf(e.Rate, 0), at+".rate", "%v is not a rate of 0 or more requests a second", e.Rate)
	}
}

func (c *checker) endpointURL(path string, s Secret, required bool, schemes ...string) {
	if s.IsZero() {
		c.want(!required, path, "is missing")
		return
	}
	u, err := url.Parse(s.value)
	c.want(err == nil && u.Host != "" && slices.Contains(schemes, u.Scheme), path, "is not a URL that begins with %s://",
		strings.Join(schemes, ":// or "))
}

package config

import (
	"fmt"
	"math"
	"net"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// inboxPrefix matches tokens of a subject without wild cards, or nothing.
var inboxPrefix = regexp.MustCompile(`^([A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*)?$`)

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
	c.readable("nkey", c.Nkey)
	c.want((c.User == "") == (c.Password.Reveal() == ""), "user", "a user needs a password, and a password its user")
	c.want(c.Nkey == "" || (c.User == "" && c.Creds == ""), "nkey", "takes the place of user and creds; leave them out")
	c.want(inboxPrefix.MatchString(c.InboxPrefix), "inbox_prefix", "%q is not the beginning of a subject, such as _INBOX_caller", c.InboxPrefix)
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
	c.want(c.Streams.OpenBatches >= 1, "streams.open_batches", "%d is not 1 or more", c.Streams.OpenBatches)
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

// source adds what the constructor of the source finds wrong; it starts nothing.
func (c *checker) source(path string, s Source) {
	_, err := s.New()
	for _, e := range unjoin(err) {
		key, message := s.fault(e)
		at := path
		if key != "" {
			at += "." + key
		}
		c.want(false, at, "%s", message)
	}
}

// unjoin returns the errors that were joined to err.
func unjoin(err error) []error {
	if err == nil {
		return nil
	}
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok || !strings.Contains(err.Error(), "\n") {
		return []error{err}
	}
	var out []error
	for _, inner := range joined.Unwrap() {
		out = append(out, unjoin(inner)...)
	}
	return out
}

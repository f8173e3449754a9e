package ethereum

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Endpoint is one node, or one provider's address.
type Endpoint struct {
	// URL is the http or https address of its JSON-RPC. Whatever follows the host is kept secret.
	URL string
	// WS is the websocket address of the same node, for being told of new blocks. Empty: polling only.
	WS string
	// Headers are sent with every request, and with the handshake of the websocket. Their values are kept secret.
	Headers http.Header
	// Rate limits calls per second. 0: no limit.
	Rate float64
}

// Config says which chain is followed, and how. The zero value follows Ethereum's main chain at http://127.0.0.1:8545.
type Config struct {
	// Chain is the chain's CAIP-2 name, as in eip155:1. Endpoints of another chain are not believed.
	Chain string
	// Endpoints are asked in this order; the next one takes over when one can't be followed.
	Endpoints []Endpoint
	// Poll is the time between two looks at the head. 0: 4 s.
	Poll time.Duration
	// Probe is the time between two looks at an endpoint that is well but not followed. 0: 30 s.
	Probe time.Duration
	// MaxLag is by how many blocks the followed endpoint's head may be older than that of another one before that one takes
	// over. 0: 3.
	MaxLag uint64
	// Watchdog is the time between two looks at the head while the websocket rings for every new one. Never less than Poll.
	// 0: 30 s.
	Watchdog time.Duration
	// BatchSize is the number of calls sent in one request, if the endpoint takes that many. 0: 50.
	BatchSize int
	// Window is how many blocks back a reorganisation is followed block by block. 0: 128.
	Window int
	// Timeout limits one request. 0: 10 s.
	Timeout time.Duration
	// MaxBody limits one answer, in bytes. 0: 10 MB.
	MaxBody int64
	// SweepAfter is how long a transaction that is in no block goes without being looked up. 0: 1 m.
	SweepAfter time.Duration
	// SweepBatch is how many such transactions are looked up per poll at most, oldest first. 0: BatchSize.
	SweepBatch int
	// ReceiptsAtOnce is the number of watched transactions in one block from which on all of its receipts are fetched in one
	// call. 0: 16.
	ReceiptsAtOnce int
	// SafeDepth and FinalizedDepth are how many blocks below the latest one the safe and finalized heads are taken to be where
	// no endpoint names them. 0: 32 and 64.
	SafeDepth, FinalizedDepth uint64

	// Confirmations are needed by starts that ask for no finality. 0: 12.
	Confirmations uint64
	// DropAfter is after how many blocks without a sign a transaction is dropped, unless a start says otherwise. 0: 64.
	DropAfter uint64
	// DropMinAge is the age below which no transaction is dropped, unless a start says otherwise. 0: 30 m.
	DropMinAge time.Duration
	// MissingChecks is the number of looks in vain that make a pending transaction missing. 0: 3.
	MissingChecks int

	// Transport carries requests and the handshakes of websockets; to these, the bodies of its answers must be fit to write to,
	// as those of an [http.Transport] are. nil: a transport for each endpoint.
	Transport http.RoundTripper
}

// Defaults returns the config of a source that sets nothing. Each call returns a copy of its own.
func Defaults() Config { return Config{}.withDefaults() }

func or[T comparable](v *T, otherwise T) {
	var zero T
	if *v == zero {
		*v = otherwise
	}
}

func (c Config) withDefaults() Config {
	or(&c.Chain, "eip155:1")
	if len(c.Endpoints) == 0 {
		c.Endpoints = []Endpoint{{URL: "http://127.0.0.1:8545"}}
	}
	or(&c.Poll, 4*time.Second)
	or(&c.Probe, 30*time.Second)
	or(&c.MaxLag, 3)
	or(&c.Watchdog, 30*time.Second)
	or(&c.BatchSize, 50)
	or(&c.Window, 128)
	or(&c.Timeout, 10*time.Second)
	or(&c.MaxBody, 10_000_000)
	or(&c.SweepAfter, time.Minute)
	or(&c.SweepBatch, c.BatchSize)
	or(&c.ReceiptsAtOnce, 16)
	or(&c.SafeDepth, 32)
	or(&c.FinalizedDepth, 64)
	or(&c.Confirmations, 12)
	or(&c.DropAfter, 64)
	or(&c.DropMinAge, 30*time.Minute)
	or(&c.MissingChecks, 3)
	return c
}

var chainName = regexp.MustCompile(`^eip155:[1-9][0-9]{0,18}$`)

// validate joins every fault by field. No address is repeated in it.
func (c Config) validate() error {
	var faults []error
	fault := func(field, message string) {
		faults = append(faults, fmt.Errorf("ethereum: %s: %s", field, message))
	}
	if !chainName.MatchString(c.Chain) {
		fault("Chain", "want a CAIP-2 name of an Ethereum chain, as in eip155:1")
	}
	for i, e := range c.Endpoints {
		at := fmt.Sprintf("Endpoints[%d].", i)
		if !address(e.URL, "http", "https") {
			fault(at+"URL", "want an address that begins with http:// or https://")
		}
		if e.WS != "" && !address(e.WS, "ws", "wss") {
			fault(at+"WS", "want an address that begins with ws:// or wss://")
		}
		if !(e.Rate >= 0) {
			fault(at+"Rate", "must not be negative")
		}
	}
	for _, f := range []struct {
		field string
		value int64
	}{
		{"Poll", int64(c.Poll)},
		{"Probe", int64(c.Probe)},
		{"Watchdog", int64(c.Watchdog)},
		{"BatchSize", int64(c.BatchSize)},
		{"Window", int64(c.Window)},
		{"Timeout", int64(c.Timeout)},
		{"MaxBody", c.MaxBody},
		{"SweepAfter", int64(c.SweepAfter)},
		{"SweepBatch", int64(c.SweepBatch)},
		{"ReceiptsAtOnce", int64(c.ReceiptsAtOnce)},
		{"DropMinAge", int64(c.DropMinAge)},
		{"MissingChecks", int64(c.MissingChecks)},
	} {
		if f.value < 0 {
			fault(f.field, "must not be negative")
		}
	}
	return errors.Join(faults...)
}

func address(s string, schemes ...string) bool {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" {
		return false
	}
	for _, scheme := range schemes {
		if u.Scheme == scheme {
			return true
		}
	}
	return false
}

// chainID returns the number in the chain's name; the config must be valid.
func (c Config) chainID() uint64 {
	id, _ := strconv.ParseUint(strings.TrimPrefix(c.Chain, "eip155:"), 10, 64)
	return id
}

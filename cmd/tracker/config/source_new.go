package config

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"trackerfleet/workers/ethereum"
	"trackerfleet/workers/httppoll"
	"trackerfleet/workers/simulated"
	"trackerfleet/workers/source"
)

// New returns the source of the profile. It starts nothing; its error names every fault.
func (s Source) New() (source.Source, error) {
	switch {
	case s.Simulated != nil:
		return asSource(simulated.New(*s.Simulated))
	case s.Ethereum != nil:
		return asSource(ethereum.New(s.Ethereum.config()))
	case s.HTTP != nil:
		return asSource(httppoll.New(s.HTTP.config()))
	}
	return nil, fmt.Errorf("config: no source of kind %q", s.Kind)
}

// asSource keeps the nil of a constructor that failed from becoming a source.
func asSource[S source.Source](s S, err error) (source.Source, error) {
	if err != nil {
		return nil, err
	}
	return s, nil
}

func (e *Ethereum) config() ethereum.Config {
	cfg := ethereum.Config{
		Chain: e.Chain, Poll: e.Poll, Timeout: e.Timeout, MaxBody: e.MaxBody, BatchSize: e.BatchSize, Window: e.Window,
		SweepAfter: e.SweepAfter, SweepBatch: e.SweepBatch, ReceiptsAtOnce: e.ReceiptsAtOnce, SafeDepth: e.SafeDepth,
		FinalizedDepth: e.FinalizedDepth, Confirmations: e.Confirmations, DropAfter: e.DropAfter, DropMinAge: e.DropMinAge,
		MissingChecks: e.MissingChecks,
	}
	headers := map[string]http.Header{}
	for _, endpoint := range e.Endpoints {
		cfg.Endpoints = append(cfg.Endpoints, ethereum.Endpoint{
			URL: endpoint.URL.Reveal(), WS: endpoint.WS.Reveal(), Rate: endpoint.Rate,
		})
		for name, value := range endpoint.Headers {
			if headers[endpoint.URL.Reveal()] == nil {
				headers[endpoint.URL.Reveal()] = http.Header{}
			}
			headers[endpoint.URL.Reveal()].Set(name, value.Reveal())
		}
	}
	if len(headers) > 0 {
		cfg.Transport = &headerTransport{next: http.DefaultTransport.(*http.Transport).Clone(), of: headers}
	}
	return cfg
}

// headerTransport adds the headers of an endpoint to the requests that go to exactly its URL, and to no other.
type headerTransport struct {
	next http.RoundTripper
	of   map[string]http.Header // by URL
}

// RoundTrip sends r with the headers of its endpoint.
func (t *headerTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	if extra := t.of[r.URL.String()]; extra != nil {
		r = r.Clone(r.Context())
		maps.Copy(r.Header, extra)
	}
	return t.next.RoundTrip(r)
}

// CloseIdleConnections closes what is kept open for later.
func (t *headerTransport) CloseIdleConnections() {
	if c, ok := t.next.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}

// keyOf returns the key of a field that a constructor of the source has found fault with, whichever way it writes it.
func (s Source) keyOf(field string) string {
	if s.Kind == KindHTTP {
		return field // it writes fields as the file does
	}
	plain := func(name string) string { return strings.ToLower(strings.ReplaceAll(name, "_", "")) }
	known := keysOf(sourceKinds[s.Kind])
	if i := slices.IndexFunc(known, func(key string) bool { return plain(key) == plain(field) }); i >= 0 {
		return known[i]
	}
	return strings.ToLower(field) // Endpoints[0].URL
}

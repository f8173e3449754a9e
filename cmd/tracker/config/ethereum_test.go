package config

import (
	"net/http"
	"testing"
)

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestHeaders_goToTheirEndpointOnly(t *testing.T) {
	e := Ethereum{Endpoints: []Endpoint{
		{URL: NewSecret("https://a.example/rpc"), Headers: map[string]Secret{"Authorization": NewSecret("Bearer " + canary)}},
		{URL: NewSecret("https://b.example/")},
	}}
	transport := e.config().Transport.(*headerTransport)
	for url, want := range map[string]string{
		"https://a.example/rpc": "Bearer " + canary, "https://b.example/": "", "https://a.example/": "", "https://evil.example/rpc": "",
	} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, nil)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		transport.next = roundTrip(func(r *http.Request) (*http.Response, error) {
			got = r.Header.Get("Authorization")
			return nil, http.ErrAbortHandler
		})
		if _, err := transport.RoundTrip(r); err != http.ErrAbortHandler {
			t.Fatal(err)
		}
		if got != want || r.Header.Get("Authorization") != "" {
			t.Errorf("%s: sent %q, want %q", url, got, want)
		}
	}
	if (Ethereum{}).config().Transport != nil {
		t.Error("a transport without headers")
	}
}

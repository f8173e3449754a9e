package config

import "testing"

func TestHeaders_goToTheirEndpointOnly(t *testing.T) {
	cfg := Ethereum{Endpoints: []Endpoint{
		{URL: NewSecret("https://a.example/rpc"), Headers: map[string]Secret{"authorization": NewSecret("Bearer " + canary)}},
		{URL: NewSecret("https://b.example/")},
	}}.config()
	if got := cfg.Endpoints[0].Headers.Get("Authorization"); got != "Bearer "+canary {
		t.Errorf("the first one's authorization is %q", got)
	}
	if got := cfg.Endpoints[1].Headers; len(got) > 0 {
		t.Errorf("the other one has headers: %v", got)
	}
}

package httppoll

import (
	"strings"
	"testing"
	"time"
)

func TestTheProfileOfTheContractIsGood(t *testing.T) {
	s := mustNew(t, usual())
	if s.name != "https://api.psp.test" || s.header.Get("Authorization") != "Bearer "+canary || s.client == nil {
		t.Errorf("asks %s with %v", s.name, s.header)
	}
}

// badProfiles are changes to the usual profile and what is wrong with each; "" is nothing.
var badProfiles = []struct {
	change func(*Config)
	want   string
}{
	{func(c *Config) { c.URL = "" }, "url: is missing"},
	{func(c *Config) { c.URL = "https://api.psp.test/{id" }, "url: a brace that holds no variable"},
	{func(c *Config) { c.URL = "https://api.psp.test/{ID}" }, "url: a brace that holds no variable"},
	{func(c *Config) { c.URL = "https://api.psp.test/}{id}" }, "url: a brace that holds no variable"},
	{func(c *Config) { c.URL = "https://{id}.psp.test/" }, "url: a variable in front of the path"},
	{func(c *Config) { c.URL = "{id}" }, "url: a variable in front of the path"},
	{func(c *Config) { c.URL = "https://api.psp.test:{id}/" }, "url: a variable in front of the path"},
	{func(c *Config) { c.URL = "https://api.psp.test?x={id}"; c.Map.Failed = nil }, ""},
	{func(c *Config) { c.URL = "http://api.psp.test/{id}" }, "url: has no TLS"},
	{func(c *Config) { c.URL = "ftp://api.psp.test/{id}" }, "url: must begin with https://"},
	{func(c *Config) { c.URL = "https:///{id}" }, "url: is no URL with a host"},
	{func(c *Config) { c.URL = "https://api.psp.test:99999/{id}" }, "url: its port"},
	{func(c *Config) { c.URL = "https://u:p@api.psp.test/{id}" }, "url: holds a user"},
	{func(c *Config) { c.URL = "https://api.psp.test/{id}#x" }, "url: has a fragment"},
	{func(c *Config) { c.URL = "https://api.psp.test/payments" }, "url: has no variable"},
	{func(c *Config) { c.URL = "https://api.psp.test/" + strings.Repeat("x", 3000) + "{id}" }, "url: has 30"},
	{func(c *Config) { c.URL = "https://api.psp.test/{a}{b}{c}{d}{e}{f}{g}{h}{i}" }, "url: has 9 variables"},
	{func(c *Config) { c.List.Items = "body" }, "url: has {id}, but"},
	{func(c *Config) { c.Method = "DELETE" }, "method: must be GET"},
	{func(c *Config) { c.Headers = map[string]string{"X Y": "z"} }, "headers: a name"},
	{func(c *Config) { c.Headers = map[string]string{"X-Y": canary + "\r\nEvil: 1"} }, "headers.X-Y: has control"},
	{func(c *Config) { c.Headers = map[string]string{"X-Y": ""} }, "headers.X-Y: is empty"},
	{func(c *Config) { c.Headers = map[string]string{"host": "evil.test"} }, "headers.host: is set by the source"},
	{func(c *Config) { c.Bearer = canary }, "bearer: takes the place of an Authorization"},
	{func(c *Config) { c.User = "u" }, "user: a user needs a password"},
	{func(c *Config) { c.User, c.Password = "u", canary }, "user: takes the place of an Authorization"},
	{func(c *Config) { c.Status = "bdy.status" }, "status: unknown name bdy"},
	{func(c *Config) { c.Status = "now()" }, "status: unknown name now"},
	{func(c *Config) { c.Status = "1 +" }, "status: "},
	{func(c *Config) { c.Status = strings.Repeat("1+", 1000) + "1" }, "status: "},
	{func(c *Config) { c.List.Items, c.List.ID = "what", "that" }, "list.items: unknown name what"},
	{func(c *Config) { c.Map = Map{Pending: []string{"processing"}} }, "map: says of no status that it is the end"},
	{func(c *Config) { c.Map.Failed = append(c.Map.Failed, "succeeded") }, `map.failed: "succeeded" is in the map twice`},
	{func(c *Config) { c.Map.Failed = []string{""} }, "map.failed: a status has"},
	{func(c *Config) { c.Unknown = "explode" }, "unknown: must be keep_polling or fail"},
	{func(c *Config) { c.Intervals = []time.Duration{0} }, "intervals: 0s is not between"},
	{func(c *Config) { c.Jitter = 1 }, "jitter: 1 is not"},
	{func(c *Config) { c.Rate = -1 }, "rate: -1 is not"},
	{func(c *Config) { c.Concurrency = 1000 }, "concurrency: 1000 is not"},
	{func(c *Config) { c.MaxBody = -1 }, "max_body: -1 is not"},
	{func(c *Config) { c.Timeout = -1 }, "timeout: -1ns is not"},
	{func(c *Config) { c.MissingChecks = -1 }, "missing_checks: -1 is not"},
}

func TestEveryFaultOfAProfileIsToldByField(t *testing.T) {
	for _, c := range badProfiles {
		cfg := usual()
		c.change(&cfg)
		_, err := New(cfg)
		if (err != nil) != (c.want != "") || err != nil && !strings.Contains(err.Error(), "httppoll: "+c.want) {
			t.Errorf("%v, want %q", err, c.want)
		}
		if err != nil && strings.Contains(err.Error(), canary) {
			t.Errorf("a secret is shown: %v", err)
		}
	}
	if _, err := New(Config{Rate: -1, Jitter: 7}); err == nil || strings.Count(err.Error(), "\n") < 3 {
		t.Errorf("not every fault at once: %v", err)
	}
}

func TestBearerAndBasicAuthenticationAreSent(t *testing.T) {
	cfg := usual()
	cfg.Headers, cfg.Bearer = nil, canary
	if got := cfg.header().Get("Authorization"); got != "Bearer "+canary {
		t.Errorf("sent %q", got)
	}
	cfg.Bearer, cfg.User, cfg.Password = "", "shop", canary
	s := mustNew(t, cfg)
	if got := s.header.Get("Authorization"); !strings.HasPrefix(got, "Basic ") {
		t.Errorf("sent %q", got)
	}
	for _, text := range []string{s.header.Get("Authorization"), "user shop:" + canary, canary, strings.TrimPrefix(s.header.Get("Authorization"), "Basic ")} {
		if got := s.secrets.clean(text, maxText); strings.Contains(got, canary) || strings.Contains(got, strings.TrimPrefix(text, "Basic ")) {
			t.Errorf("%q is shown as %q", text, got)
		}
	}
}

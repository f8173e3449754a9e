package config

import (
	"time"

	"trackerfleet/workers/httppoll"
)

// HTTP is an account at a provider that is asked over HTTP, such as a payment processor.
type HTTP struct {
	URL      Secret            `koanf:"url" secret:"url" doc:"where to ask, with variables that starts give, such as https://api.example.com/v1/payments/{id}"`
	Method   string            `koanf:"method" doc:"GET, HEAD or POST"`
	Headers  map[string]Secret `koanf:"headers" doc:"sent with every request"`
	Bearer   Secret            `koanf:"bearer" doc:"token to authenticate with, in place of an Authorization header"`
	User     string            `koanf:"user" doc:"user of basic authentication, with password"`
	Password Secret            `koanf:"password" doc:"password of basic authentication"`

	Status  string        `koanf:"status" doc:"expression of the status; sees body, header, code, and item: one of the list, or else the body"`
	Map     httppoll.Map  `koanf:"map"`
	Unknown string        `koanf:"unknown" doc:"what to do about a status that the map does not have: keep_polling or fail"`
	List    httppoll.List `koanf:"list"`

	Intervals   []time.Duration `koanf:"intervals" doc:"pauses between looks at one transaction, the last for ever; a change begins anew"`
	Jitter      float64         `koanf:"jitter" doc:"share by which a pause may be shorter or longer"`
	Rate        float64         `koanf:"rate" doc:"requests a second, of each worker"`
	Concurrency int             `koanf:"concurrency" doc:"requests at one time, of each worker"`
	Timeout     time.Duration   `koanf:"timeout" doc:"of one request"`
	MaxBody     int64           `koanf:"max_body" doc:"bytes of one answer, decompressed"`
	MaxPause    time.Duration   `koanf:"max_pause" doc:"longest time that the provider can stop all requests for by Retry-After"`
	Probe       time.Duration   `koanf:"probe" doc:"longest time between two looks whether a provider in trouble is well again"`

	MissingChecks int           `koanf:"missing_checks" doc:"looks in vain that make a pending transaction missing"`
	DropAfter     time.Duration `koanf:"drop_after" doc:"how long a transaction is looked for in vain before it is dropped"`

	AllowHTTP    bool `koanf:"allow_http" doc:"allow a URL without TLS"`
	AllowPrivate bool `koanf:"allow_private" doc:"allow a host with a private address, loopback included"`
}

// httpDefaults returns the profile that sets nothing.
func httpDefaults() HTTP {
	d := httppoll.Defaults()
	return HTTP{
		Method: d.Method, Status: d.Status, Unknown: d.Unknown, List: d.List, Intervals: d.Intervals, Jitter: d.Jitter, Rate: d.Rate,
		Concurrency: d.Concurrency, Timeout: d.Timeout, MaxBody: d.MaxBody, MaxPause: d.MaxPause, Probe: d.Probe,
		MissingChecks: d.MissingChecks, DropAfter: d.DropAfter,
	}
}

func newHTTP(h HTTP) (*httppoll.Source, error) { return httppoll.New(h.config()) }

func (h HTTP) config() httppoll.Config {
	headers := make(map[string]string, len(h.Headers))
	for name, value := range h.Headers {
		headers[name] = value.Reveal()
	}
	return httppoll.Config{
		URL: h.URL.Reveal(), Method: h.Method, Headers: headers, Bearer: h.Bearer.Reveal(), User: h.User, Password: h.Password.Reveal(),
		Status: h.Status, Map: h.Map, Unknown: h.Unknown, List: h.List, Intervals: h.Intervals, Jitter: h.Jitter, Rate: h.Rate,
		Concurrency: h.Concurrency, Timeout: h.Timeout, MaxBody: h.MaxBody, MaxPause: h.MaxPause, Probe: h.Probe,
		MissingChecks: h.MissingChecks, DropAfter: h.DropAfter, AllowHTTP: h.AllowHTTP, AllowPrivate: h.AllowPrivate,
	}
}

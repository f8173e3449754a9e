package httppoll

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"testing"
	"time"

	"trackerfleet/workers/source"
	"trackerfleet/workers/source/sourcetest"
)

// provider lets the conformance suite control an API on loopback.
type provider struct {
	*api
	url  string
	list bool
	made int
}

func newProvider(t *testing.T, list bool) *provider {
	p := &provider{api: newAPI(), list: list}
	server := httptest.NewServer(p.api)
	t.Cleanup(server.Close)
	p.url = server.URL
	return p
}

// quick is a profile of the API at url that looks again within milliseconds.
func quick(url string, list bool) Config {
	cfg := usual()
	cfg.URL, cfg.AllowHTTP, cfg.AllowPrivate = url+"/v1/payments/{id}", true, true
	cfg.Map = Map{
		Pending: []string{"processing"}, Confirmed: []string{ending(source.EndConfirmed)}, Failed: []string{ending(source.EndFailed)},
		Stopped: []string{ending(source.EndStopped)}, Expired: []string{ending(source.EndExpired)}, Dropped: []string{ending(source.EndDropped)},
	}
	cfg.Intervals, cfg.Rate, cfg.Concurrency, cfg.Probe = []time.Duration{5 * time.Millisecond}, 10_000, 8, 20*time.Millisecond
	if list {
		cfg.URL, cfg.Status = url+"/v1/payments", ""
		cfg.List = List{Items: "body.data", Complete: true}
	}
	return cfg
}

func ending(end source.End) string { return fmt.Sprintf("ended_%d", end) }

func (p *provider) NewSource(t testing.TB) source.Source { return mustNew(t, quick(p.url, p.list)) }

func (p *provider) NewTransaction(testing.TB) sourcetest.Transaction {
	p.made++
	id := fmt.Sprintf("pay_%d", p.made)
	return sourcetest.Transaction{ID: id, Params: json.RawMessage(fmt.Sprintf(`{"id":%q}`, id))}
}

func (p *provider) Process(_ testing.TB, tx sourcetest.Transaction) { p.set(tx.ID, "processing") }

func (p *provider) Settle(_ testing.TB, tx sourcetest.Transaction, end source.End) {
	p.set(tx.ID, ending(end))
}

func (p *provider) SetOutage(_ testing.TB, on bool) {
	if on {
		p.misbehave(resets)
		return
	}
	p.misbehave(nil)
}

func (p *provider) Many() int { return 1000 }

func TestConformance(t *testing.T) {
	sourcetest.RunProvider(t, func(t *testing.T) sourcetest.Provider { return newProvider(t, false) })
}

func TestConformanceOfAList(t *testing.T) {
	sourcetest.RunProvider(t, func(t *testing.T) sourcetest.Provider { return newProvider(t, true) })
}

package httppoll

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"trackerfleet/workers/source"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// canary is the secret that must appear nowhere.
const canary = "sk_live_c4n4ry0123456789"

var errOver = errors.New("test is over")

// usual is the profile of the contract, at a host that only exists in tests.
func usual() Config {
	return Config{
		URL:     "https://api.psp.test/v1/payments/{id}",
		Headers: map[string]string{"Authorization": "Bearer " + canary},
		Status:  "body.status",
		Map: Map{
			Confirmed: []string{"succeeded"}, Failed: []string{"failed"}, Stopped: []string{"canceled"}, Pending: []string{"processing"},
		},
	}
}

// direct carries requests to a handler without a network, so that they work in a bubble.
type direct struct{ http.Handler }

func (d direct) RoundTrip(r *http.Request) (resp *http.Response, err error) {
	defer func() {
		if recover() != nil {
			resp, err = nil, errors.New("connection reset while "+canary+" was sent")
		}
	}()
	recorder := httptest.NewRecorder()
	d.ServeHTTP(recorder, r)
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	return recorder.Result(), nil
}

// rig is a source that runs and the provider that it asks.
type rig struct {
	*testing.T
	api  *api
	src  *Source
	stop func()
}

// bubble runs test in a bubble of virtual time with a source of cfg.
func bubble(t *testing.T, cfg Config, test func(r *rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := &rig{T: t, api: newAPI()}
		cfg.Transport = direct{r.api}
		r.src = mustNew(t, cfg)
		r.start()
		test(r)
		r.stop()
	})
}

func mustNew(t testing.TB, cfg Config) *Source {
	t.Helper()
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (r *rig) start() {
	ctx, cancel := context.WithCancelCause(r.Context())
	ended := make(chan error, 1)
	go func() { ended <- r.src.Run(ctx) }()
	r.stop = sync.OnceFunc(func() {
		cancel(errOver)
		if err := <-ended; !errors.Is(err, errOver) {
			r.Errorf("Run returned %v, want the cause of its context", err)
		}
	})
}

// meanwhile does something while the source does not run.
func (r *rig) meanwhile(do func()) {
	r.stop()
	do()
	r.start()
}

// passes lets virtual time pass and everything come to rest.
func (r *rig) passes(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// takes has something last, in a bubble.
func takes(d time.Duration) { time.Sleep(d) }

// watching is a watched payment and what was observed of it.
type watching struct {
	source.Handle
	r    *rig
	mu   sync.Mutex
	seen []source.Observation
}

// Observe keeps o.
func (w *watching) Observe(o source.Observation) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seen = append(w.seen, o)
}

func (r *rig) watch(id string) *watching {
	r.Helper()
	target, err := r.src.Parse(id, json.RawMessage(fmt.Sprintf(`{"id":%q}`, id)))
	if err != nil {
		r.Fatal(err)
	}
	w := &watching{r: r}
	w.Handle = r.src.Watch(target, source.Hint{}, w)
	return w
}

// want fails the test unless exactly this was observed since the last time.
func (w *watching) want(what ...string) []source.Observation {
	w.r.Helper()
	w.mu.Lock()
	seen := w.seen
	w.seen = nil
	w.mu.Unlock()
	var got []string
	for _, o := range seen {
		got = append(got, brief(o))
	}
	if strings.Join(got, ", ") != strings.Join(what, ", ") {
		w.r.Fatalf("observed [%s], want [%s]; health %+v", strings.Join(got, ", "), strings.Join(what, ", "), w.r.src.Health())
	}
	return seen
}

func brief(o source.Observation) string {
	switch o.Kind {
	case source.Absent:
		return "absent"
	case source.Pending:
		return strings.TrimSpace("pending " + o.Pending.ProviderStatus)
	case source.Settled:
		end := []string{"", "confirmed", "failed", "stopped", "expired", "dropped"}[o.Settlement.End]
		return strings.TrimSpace(end + " " + o.Settlement.ProviderStatus)
	}
	return fmt.Sprintf("kind %d", o.Kind)
}

func (r *rig) wantDegraded(want bool) source.Health {
	r.Helper()
	h := r.src.Health()
	if h.Degraded != want {
		r.Fatalf("degraded is %v, want %v: %+v", h.Degraded, want, h)
	}
	return h
}

// wantCalls fails the test unless the provider was asked so often since the last time.
func (r *rig) wantCalls(want int) {
	r.Helper()
	if got := r.api.take(); got != want {
		r.Fatalf("%d requests, want %d; health %+v", got, want, r.src.Health())
	}
}

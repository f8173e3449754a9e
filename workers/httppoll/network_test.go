package httppoll

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"trackerfleet/workers/source"
)

// patience is how long a test waits for what must happen.
const patience = 20 * time.Second

// real runs a source of the API at a real server on loopback, until the test ends.
func real(t *testing.T, a http.Handler, change func(*Config)) *rig {
	t.Helper()
	server := httptest.NewServer(a)
	t.Cleanup(server.Close)
	cfg := quick(server.URL, false)
	if change != nil {
		change(&cfg)
	}
	r := &rig{T: t, src: mustNew(t, cfg)}
	ctx, cancel := context.WithCancelCause(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- r.src.Run(ctx) }()
	t.Cleanup(func() {
		cancel(errOver)
		if err := <-ended; !errors.Is(err, errOver) {
			t.Errorf("Run returned %v", err)
		}
	})
	return r
}

// next returns what is observed next.
func (r *rig) next(o chan source.Observation) source.Observation {
	r.Helper()
	select {
	case seen := <-o:
		return seen
	case <-time.After(patience):
		r.Fatalf("nothing was observed; health %+v", r.src.Health())
		panic("unreachable")
	}
}

// told is an observer of one payment.
type told chan source.Observation

// Observe hands o on, unless nobody has taken the last ones.
func (c told) Observe(o source.Observation) {
	select {
	case c <- o:
	default:
	}
}

func (r *rig) follow(id string) told {
	r.Helper()
	target, err := r.src.Parse("txn_1", json.RawMessage(fmt.Sprintf(`{"id":%q}`, id)))
	if err != nil {
		r.Fatal(err)
	}
	c := make(told, 100)
	handle := r.src.Watch(target, source.Hint{}, c)
	r.Cleanup(handle.Close)
	return c
}

// awaitHealth waits until the health is as wanted; it is not told, so it is asked for.
func (r *rig) awaitHealth(want func(source.Health) bool) source.Health {
	r.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for {
		if h := r.src.Health(); want(h) {
			return h
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			r.Fatalf("health is %+v", r.src.Health())
		}
	}
}

func TestOverARealNetworkABadProviderDecidesNothing(t *testing.T) {
	for name, fault := range map[string]struct {
		misbehaves func(http.ResponseWriter, *http.Request) bool
		says       string
	}{
		"hangs":         {hangs, "no answer within 100ms"},
		"resets":        {resets, "EOF"},
		"a gzip bomb":   {bomb, "more than 1048576 bytes"},
		"ten megabytes": {says(`{"status":"ended_1","x":"` + strings.Repeat("x", 10<<20) + `"}`), "more than 1048576 bytes"},
		"truncated": {func(w http.ResponseWriter, _ *http.Request) bool {
			w.Header().Set("Content-Length", "1000")
			fmt.Fprint(w, `{"status":"ended_1"`)
			return true
		}, "EOF"},
		"huge headers": {answers(200, "X-Huge", strings.Repeat("x", 1<<20)), "header"},
	} {
		t.Run(name, func(t *testing.T) {
			a := newAPI()
			a.set("pay_1", "processing")
			r := real(t, a, func(c *Config) {
				if name == "hangs" {
					c.Timeout = 100 * time.Millisecond
				}
			})
			w := r.follow("pay_1")
			if got := brief(r.next(w)); got != "pending processing" {
				t.Fatalf("observed %s", got)
			}
			a.misbehave(fault.misbehaves)
			h := r.awaitHealth(func(h source.Health) bool { return h.Degraded })
			if !strings.Contains(h.Error, fault.says) || strings.Contains(fmt.Sprint(h), canary) {
				t.Errorf("health %+v, want %q", h, fault.says)
			}
			if len(w) > 0 {
				t.Errorf("observed %s", brief(<-w))
			}
			a.set("pay_1", ending(source.EndConfirmed))
			a.misbehave(nil)
			if got := brief(r.next(w)); got != "confirmed ended_1" {
				t.Errorf("observed %s", got)
			}
			r.awaitHealth(func(h source.Health) bool { return !h.Degraded })
		})
	}
}

func TestRedirectsLeadNowhereElse(t *testing.T) {
	var elsewhere atomic.Int64
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		elsewhere.Add(1)
		fmt.Fprint(w, `{"status":"ended_1"}`)
	}))
	t.Cleanup(other.Close)
	a := newAPI()
	a.set("moved", ending(source.EndConfirmed))
	a.misbehave(func(w http.ResponseWriter, r *http.Request) bool {
		switch {
		case strings.HasSuffix(r.URL.Path, "/pay_1"):
			http.Redirect(w, r, other.URL+"/v1/payments/pay_1", http.StatusFound)
		case strings.HasSuffix(r.URL.Path, "/pay_2"):
			http.Redirect(w, r, "/v1/payments/moved", http.StatusTemporaryRedirect)
		default:
			return false
		}
		return true
	})
	r := real(t, a, nil)
	away, near := r.follow("pay_1"), r.follow("pay_2")
	if got := brief(r.next(near)); got != "confirmed ended_1" {
		t.Errorf("a redirect within the host: observed %s", got)
	}
	r.awaitHealth(func(h source.Health) bool { return h.Error != "" })
	if h := r.src.Health(); !strings.Contains(h.Error, "redirected elsewhere") || elsewhere.Load() != 0 || len(away) != 0 {
		t.Errorf("%d requests elsewhere, %d observations, health %+v", elsewhere.Load(), len(away), h)
	}
}

// The address is looked at when it is dialled: a name that leads to a private one is no way around.
func TestPrivateAddressesAreNotDialled(t *testing.T) {
	a := newAPI()
	server := httptest.NewServer(a)
	t.Cleanup(server.Close)
	r := real(t, http.NotFoundHandler(), func(c *Config) {
		c.URL = strings.Replace(server.URL, "127.0.0.1", "localhost", 1) + "/v1/payments/{id}"
		c.AllowPrivate = false
	})
	w := r.follow("pay_1")
	r.awaitHealth(func(h source.Health) bool { return h.Degraded && strings.Contains(h.Error, "allow_private") })
	if n := a.take(); n != 0 || len(w) != 0 {
		t.Errorf("%d requests arrived", n)
	}
	for _, address := range []string{
		"127.0.0.1", "10.1.2.3", "192.168.0.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "[::1]", "[fd00::1]", "[fe80::1]", "[::ffff:127.0.0.1]",
	} {
		cfg := usual()
		cfg.URL = "https://" + address + "/{id}"
		if _, err := New(cfg); err == nil || !strings.Contains(err.Error(), "allow_private") {
			t.Errorf("%s: %v", address, err)
		}
	}
}

// A proxy would dial in our place, and to wherever it wants.
func TestNoProxyIsUsed(t *testing.T) {
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"} {
		t.Setenv(name, "http://127.0.0.1:1")
	}
	cfg := usual()
	transport := mustNew(t, cfg).client.Transport.(*http.Transport)
	if transport.Proxy != nil {
		t.Error("the environment's proxy is used")
	}
}

func TestASecretThatIsSentBackIsShownNowhere(t *testing.T) {
	for name, fault := range map[string]func(http.ResponseWriter, *http.Request) bool{
		"as the status": func(w http.ResponseWriter, r *http.Request) bool {
			fmt.Fprintf(w, `{"status":%q}`, r.Header.Get("Authorization"))
			return true
		},
		"as a part of it": func(w http.ResponseWriter, r *http.Request) bool {
			fmt.Fprintf(w, `{"status":%q}`, "key "+canary+" is bad")
			return true
		},
		"as the type of the status": func(w http.ResponseWriter, r *http.Request) bool {
			fmt.Fprintf(w, `{"status":{%q:1}}`, canary)
			return true
		},
		"as where to go": answers(302, "Location", "https://evil.test/"+canary),
		"as a header":    answers(500, "X-Echo", canary),
	} {
		t.Run(name, func(t *testing.T) {
			a := newAPI()
			a.misbehave(fault)
			r := real(t, a, func(c *Config) {
				c.Unknown = Fail
				c.URL = strings.Replace(c.URL, "{id}", canary+"/{id}?key="+canary+"&token="+canary, 1)
			})
			w := r.follow("pay_1")
			h := r.awaitHealth(func(h source.Health) bool { return len(w) > 0 || h.Degraded })
			text := fmt.Sprintf("%+v", h)
			if len(w) > 0 {
				text += fmt.Sprintf("%+v", (<-w).Settlement)
			}
			if strings.Contains(text, canary) {
				t.Errorf("shown: %s", text)
			}
		})
	}
}

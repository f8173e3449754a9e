package httppoll

import (
	"fmt"
	"math"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"trackerfleet/workers/source"
)

func TestStatusesMeanWhatTheMapSays(t *testing.T) {
	cfg := steady()
	cfg.Map.Expired, cfg.Map.Dropped, cfg.Map.Missing = []string{"overdue"}, []string{"purged"}, []string{"unknown"}
	bubble(t, cfg, func(r *rig) {
		for status, want := range map[string]string{
			"succeeded": "confirmed succeeded", "failed": "failed failed", "canceled": "stopped canceled", "processing": "pending processing",
			"overdue": "expired overdue", "purged": "dropped purged", "unknown": "absent",
		} {
			r.api.set(status, status)
			w := r.watch(status)
			r.passes(time.Second)
			w.want(want)
			w.Close()
		}
	})
}

func TestAStatusThatIsNotInTheMapIsPolledOnOrFails(t *testing.T) {
	bubble(t, steady(), func(r *rig) {
		r.api.set("pay_1", "pondering")
		w := r.watch("pay_1")
		r.passes(time.Hour)
		w.want()
		if h := r.wantDegraded(false); !slices.Contains(h.Notices, `the status "pondering" is not in the map: keep_polling`) {
			t.Errorf("notices %q", h.Notices)
		}
		r.api.set("pay_1", "succeeded")
		r.passes(20 * time.Minute)
		w.want("confirmed succeeded")
	})
	cfg := steady()
	cfg.Unknown = Fail
	bubble(t, cfg, func(r *rig) {
		r.api.set("pay_1", "pondering")
		w := r.watch("pay_1")
		r.passes(0)
		seen := w.want("failed pondering")
		if got := seen[0].Settlement.Reason; !strings.Contains(got, `"pondering" is not in the map`) {
			t.Errorf("reason %q", got)
		}
	})
}

func TestWhatIsNotThereIsLookedForInVainAndWhatIsGoneIsDropped(t *testing.T) {
	bubble(t, steady(), func(r *rig) {
		w := r.watch("pay_1")
		r.passes(0)
		w.want("absent")
		r.api.set("pay_1", "processing")
		r.passes(5 * time.Second)
		w.want("pending processing")
		r.passes(5 * time.Second)
		seenAt := time.Now()
		w.want()
		r.api.misbehave(answers(http.StatusNotFound))
		r.passes(10 * time.Second)
		seen := w.want("pending", "absent") // so that the tracker knows when it was last seen
		if !seen[0].At.Equal(seenAt) {
			t.Errorf("last seen at %v, want %v", seen[0].At, seenAt)
		}
		r.api.misbehave(answers(http.StatusGone))
		r.passes(time.Minute)
		seen = w.want("dropped")
		if got := seen[0].Settlement.Reason; got != "410 Gone" {
			t.Errorf("reason %q", got)
		}
	})
}

// Every way in which a provider can be bad: nothing is decided, one is told that it is bad and, once, that it is good again.
func TestABadProviderDecidesNothing(t *testing.T) {
	for name, fault := range map[string]func(http.ResponseWriter, *http.Request) bool{
		"hangs": hangs, "resets": resets, "garbage": says("<html>succeeded</html>"), "truncated": says(`{"status":"succeeded"`),
		"two values": says(`{"status":"failed"}{"status":"succeeded"}`), "ten megabytes": says(`{"status":"succeeded","x":"` + strings.Repeat("x", 10<<20) + `"}`),
		"nothing": says(""), "null": says("null"), "a list": says(`[{"status":"succeeded"}]`), "no status": says(`{"state":"succeeded"}`),
		"empty status": says(`{"status":""}`), "odd status": says(`{"status":{"a":"succeeded"}}`), "half a status": says(`{"status":1.5}`),
		"500": answers(500), "502": answers(502), "400": answers(400), "429": answers(429), "503": answers(503), "100 years": answers(503, "Retry-After", "3153600000"),
		"elsewhere": answers(302, "Location", "https://evil.test/v1/payments/pay_1"), "in circles": answers(302, "Location", "/v1/payments/pay_1"),
		"without TLS": answers(302, "Location", "http://api.psp.test/v1/payments/pay_1"),
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, steady(), func(r *rig) {
				r.api.set("pay_1", "processing")
				r.api.set("pay_2", "processing")
				one, two, unseen := r.watch("pay_1"), r.watch("pay_2"), r.watch("pay_3")
				r.passes(0)
				one.want("pending processing")
				two.want("pending processing")
				unseen.want("absent")
				r.api.misbehave(fault)
				r.passes(time.Hour)
				h := r.wantDegraded(true)
				if h.Error == "" || h.ErrorAt.IsZero() || h.Endpoints[0].Healthy || strings.Contains(fmt.Sprintf("%+v", h), canary) {
					t.Errorf("health %+v", h)
				}
				t.Log(h.Error)
				if calls := r.api.take(); calls > 300 {
					t.Errorf("%d calls in an hour to a provider in trouble", calls)
				}
				r.api.set("pay_1", "succeeded")
				r.api.misbehave(nil)
				r.passes(20 * time.Minute)
				r.wantDegraded(false)
				two.want()
				one.want("confirmed succeeded")
				for _, o := range unseen.want(slices.Repeat([]string{"absent"}, unseen.len())...) {
					if o.Kind != source.Absent {
						t.Errorf("observed %s", brief(o))
					}
				}
			})
		})
	}
}

func (w *watching) len() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.seen)
}

func TestOneTransactionsTroubleIsNotTheAccounts(t *testing.T) {
	for name, fault := range map[string]func(http.ResponseWriter, *http.Request) bool{
		"garbage": says("<html>"), "forbidden": answers(http.StatusForbidden), "500": answers(500),
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, usual(), func(r *rig) {
				r.api.misbehave(func(w http.ResponseWriter, req *http.Request) bool {
					return strings.HasSuffix(req.URL.Path, "/bad") && fault(w, req)
				})
				bad := r.watch("bad")
				var good []*watching
				for i := range 20 {
					r.api.set(fmt.Sprint(i), "processing")
					good = append(good, r.watch(fmt.Sprint(i)))
				}
				for range 3600 { // never, at no second
					r.passes(time.Second)
					r.wantDegraded(false)
				}
				bad.want()
				for i, w := range good {
					w.want("pending processing")
					r.api.set(fmt.Sprint(i), "succeeded")
				}
				r.passes(20 * time.Minute)
				for _, w := range good {
					w.want("confirmed succeeded")
				}
			})
		})
	}
}

// A probe is of another transaction than the one that was refused, however long that one's interval is.
func TestOneThatIsForbiddenByItselfIsToldFromRefusedCredentials(t *testing.T) {
	bubble(t, steady(), func(r *rig) {
		r.api.set("good", "processing")
		good := r.watch("good")
		r.passes(time.Hour)
		good.want("pending processing")
		r.api.misbehave(func(w http.ResponseWriter, req *http.Request) bool {
			return strings.HasSuffix(req.URL.Path, "/bad") && answers(http.StatusForbidden)(w, req)
		})
		bad := r.watch("bad")
		for range 3600 {
			r.passes(time.Second)
			r.wantDegraded(false)
		}
		bad.want()
		bad.Close()
		r.api.set("good", "succeeded")
		r.passes(15 * time.Minute)
		good.want("confirmed succeeded")
	})
}

func TestA429PausesTheHostForAsLongAsItSays(t *testing.T) {
	for name, header := range map[string]func() string{
		"seconds": func() string { return "120" },
		"a date":  func() string { return time.Now().Add(2 * time.Minute).UTC().Format(http.TimeFormat) },
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, steady(), func(r *rig) {
				r.api.set("pay_1", "processing")
				w := r.watch("pay_1")
				r.passes(0)
				r.api.misbehave(func(w http.ResponseWriter, req *http.Request) bool {
					return answers(http.StatusTooManyRequests, "Retry-After", header())(w, req)
				})
				r.passes(5 * time.Second)
				r.wantCalls(2)
				r.api.misbehave(nil)
				late := r.watch("pay_2")
				w.Refresh()
				r.passes(2*time.Minute - time.Millisecond)
				r.wantCalls(0)
				late.want()
				w.want("pending processing")
				if h := r.wantDegraded(false); len(h.Notices) != 1 || !strings.Contains(h.Notices[0], "pause until") {
					t.Errorf("notices %q", h.Notices)
				}
				r.passes(time.Millisecond)
				r.wantCalls(2)
				late.want("absent")
				w.want("pending processing")
			})
		})
	}
}

func TestARefusalOfTheCredentialsStopsTheAccountUntilTheyAreTakenAgain(t *testing.T) {
	for _, code := range []int{http.StatusUnauthorized, http.StatusForbidden} {
		t.Run(fmt.Sprint(code), func(t *testing.T) {
			bubble(t, steady(), func(r *rig) {
				var ws []*watching
				for i := range 50 {
					r.api.set(fmt.Sprint(i), "processing")
					ws = append(ws, r.watch(fmt.Sprint(i)))
				}
				r.passes(20 * time.Second)
				r.api.take()
				r.api.misbehave(answers(code))
				r.passes(time.Hour)
				h := r.wantDegraded(true)
				if !strings.Contains(h.Error, "refused") || len(h.Notices) != 1 || !strings.Contains(h.Notices[0], "stopped") {
					t.Errorf("health %+v", h)
				}
				if calls := r.api.take(); calls > 75 {
					t.Errorf("%d requests in an hour without credentials", calls)
				}
				r.api.misbehave(nil)
				r.passes(time.Minute)
				if h := r.wantDegraded(false); len(h.Notices) != 0 {
					t.Errorf("notices %q", h.Notices)
				}
				for _, w := range ws {
					w.want("pending processing")
				}
			})
		})
	}
	bubble(t, steady(), func(r *rig) { // alone there is nobody else to ask for
		r.api.misbehave(answers(http.StatusUnauthorized))
		r.watch("pay_1")
		r.passes(0)
		r.wantDegraded(true)
	})
}

func TestAnAnswerThatIsAsBeforeIsNotSentAgain(t *testing.T) {
	bubble(t, steady(), func(r *rig) {
		full := 0
		r.api.misbehave(func(w http.ResponseWriter, req *http.Request) bool {
			w.Header().Set("Etag", `W/"7"`)
			if req.Header.Get("If-None-Match") == `W/"7"` {
				w.WriteHeader(http.StatusNotModified)
				return true
			}
			full++
			return false
		})
		r.api.set("pay_1", "processing")
		w := r.watch("pay_1")
		r.passes(30 * time.Second)
		w.want("pending processing")
		w.Refresh()
		r.passes(0)
		w.want("pending")
		r.wantCalls(4)
		if full != 1 {
			t.Errorf("%d answers in full", full)
		}
	})
}

func TestAFlappingProviderIsNeitherBelievedNorCursed(t *testing.T) {
	bubble(t, steady(), func(r *rig) {
		n := 0
		r.api.misbehave(func(w http.ResponseWriter, req *http.Request) bool {
			n++
			return n%2 == 0 && answers(500)(w, req)
		})
		r.api.set("pay_1", "processing")
		w := r.watch("pay_1")
		for range 600 {
			r.passes(time.Second)
			r.wantDegraded(false)
		}
		w.want("pending processing")
	})
}

func TestPausesGrowAndStayInBounds(t *testing.T) {
	cfg := Defaults()
	last := time.Duration(0)
	for n := range 100 {
		pause := backoff(n, &cfg)
		if pause < last || pause > cfg.Probe || pause <= 0 {
			t.Errorf("pause %d is %v after %v", n, pause, last)
		}
		last = pause
	}
	if last != cfg.Probe {
		t.Errorf("the longest pause is %v", last)
	}
	if got := backoff(math.MaxInt, &cfg); got != cfg.Probe {
		t.Errorf("after ever so many it is %v", got)
	}
}

func TestRetryAfterIsSecondsOrADate(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for value, want := range map[string]time.Duration{
		"": -1, "soon": -1, "-1": -1, "NaN": -1, "1e300": -1, "0": 0, " 7 ": 7 * time.Second, "0.5": 500 * time.Millisecond,
		"Fri, 02 Jan 2026 03:05:05 GMT": time.Minute, "Fri, 02 Jan 2026 03:00:00 GMT": 0,
	} {
		got, ok := retryAfter(http.Header{"Retry-After": {value}}, now)
		if ok != (want >= 0) || ok && got != want {
			t.Errorf("%q: %v, %v, want %v", value, got, ok, want)
		}
	}
	h := http.Header{"Retry-After": {"Fri, 02 Jan 2026 05:00:30 GMT"}, "Date": {"Fri, 02 Jan 2026 05:00:00 GMT"}}
	if got, _ := retryAfter(h, now); got != 30*time.Second {
		t.Errorf("with a clock of its own: %v", got)
	}
}

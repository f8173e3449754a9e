package jsonrpc_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"trackerfleet/workers/ethereum/jsonrpc"
)

// slowdown is a way to be told to slow down.
type slowdown struct {
	name   string
	pause  time.Duration
	answer func(w http.ResponseWriter)
}

func TestToldToSlowDown(t *testing.T) {
	toldToSlowDown(t, []slowdown{
		{"429", time.Second, func(w http.ResponseWriter) { w.WriteHeader(429) }},
		{"429 with seconds", 20 * time.Second, func(w http.ResponseWriter) {
			w.Header().Set("Retry-After", "20")
			w.WriteHeader(429)
		}},
		{"429 with a date", 30 * time.Second, func(w http.ResponseWriter) {
			w.Header().Set("Retry-After", time.Now().Add(30*time.Second).UTC().Format(http.TimeFormat))
			w.WriteHeader(429)
		}},
		{"429 with a hostile time", 5 * time.Minute, func(w http.ResponseWriter) {
			w.Header().Set("Retry-After", "99999999")
			w.WriteHeader(429)
		}},
		{"503 with seconds", 2 * time.Second, func(w http.ResponseWriter) {
			w.Header().Set("Retry-After", "2")
			w.WriteHeader(503)
		}},
		{"error object", time.Second, body(`{"id":null,"error":{"code":-32005,"message":"daily request count exceeded"}}`)},
		{"error with seconds", 4 * time.Second, body(`{"id":null,"error":{"code":429,"message":"x","data":{"retry_after":4}}}`)},
		{"error with a duration", 3 * time.Second, body(`{"id":null,"error":{"code":429,"message":"x","data":{"try_again_in":"3s"}}}`)},
		{"Infura's", 7 * time.Second, body(`{"id":1,"error":{"code":-32005,"message":"x","data":{"rate":{"backoff_seconds":7}}}}`)},
		{"one of a batch", time.Second, body(`[{"id":1,"result":1},{"id":2,"error":{"code":-32000,"message":"Too Many Requests"}}]`)},
	})
}

func TestToldToSlowDownUntilTheReset(t *testing.T) {
	toldToSlowDown(t, []slowdown{
		{"429 with seconds to the reset", 40 * time.Second, func(w http.ResponseWriter) {
			w.Header().Set("RateLimit-Reset", "40")
			w.WriteHeader(429)
		}},
		{"429 with the time of the reset", 50 * time.Second, func(w http.ResponseWriter) {
			w.Header().Set("X-RateLimit-Reset", strconv.FormatInt(time.Now().Add(50*time.Second).Unix(), 10))
			w.WriteHeader(429)
		}},
		{"429 with milliseconds of the reset", 60 * time.Second, func(w http.ResponseWriter) {
			w.Header().Set("X-RateLimit-Reset", strconv.FormatInt(time.Now().Add(60*time.Second).UnixMilli(), 10))
			w.WriteHeader(429)
		}},
	})
}

// toldToSlowDown fails the test unless nothing is sent for as long as each shape says.
func toldToSlowDown(t *testing.T, shapes []slowdown) {
	t.Helper()
	for _, shape := range shapes {
		t.Run(shape.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				requests := 0
				c := client(t, jsonrpc.Config{}, func(w http.ResponseWriter, r *http.Request) {
					requests++
					shape.answer(w)
				})
				start := time.Now()
				err := c.Do(t.Context(), calls(2)...)
				var paced *jsonrpc.PacedError
				if !errors.Is(err, jsonrpc.ErrPaced) || !errors.As(err, &paced) || paced.Until.Sub(start) != shape.pause {
					t.Fatalf("%v (%+v), want a pause of %v", err, paced, shape.pause)
				}
				time.Sleep(shape.pause - time.Millisecond) // virtual
				if err := c.Do(t.Context(), calls(1)...); !errors.Is(err, jsonrpc.ErrPaced) || requests != 1 {
					t.Errorf("%v after %d requests, want none within the pause", err, requests)
				}
				time.Sleep(time.Millisecond) // virtual
				if _ = c.Do(t.Context(), calls(1)...); requests != 2 {
					t.Errorf("%d requests, want one after the pause", requests)
				}
			})
		})
	}
}

func body(s string) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) { _, _ = io.WriteString(w, s) }
}

func TestBadAnswers(t *testing.T) {
	big := `{"id":1,"result":"` + strings.Repeat("x", 2000) + `"}`
	for _, test := range []struct {
		name, body string
		status     int
		want       error
	}{
		{"empty", "", 200, jsonrpc.ErrGarbage},
		{"page", "<html>", 200, jsonrpc.ErrGarbage},
		{"truncated", `[{"id":1,"result":`, 200, jsonrpc.ErrGarbage},
		{"number", "7", 200, jsonrpc.ErrGarbage},
		{"too large", big, 200, jsonrpc.ErrTooLarge},
		{"500", "oops", 500, &jsonrpc.StatusError{Status: 500}},
		{"redirect", "", 302, &jsonrpc.StatusError{Status: 302}},
		{"401", `{"error":"unauthorized"}`, 401, &jsonrpc.StatusError{Status: 401}},
	} {
		for _, n := range []int{1, 2} {
			t.Run(fmt.Sprint(test.name, " to ", n), func(t *testing.T) {
				requests := 0
				c := client(t, jsonrpc.Config{MaxBody: 1000}, func(w http.ResponseWriter, r *http.Request) {
					requests++
					w.Header().Set("Location", "http://169.254.169.254/")
					w.WriteHeader(test.status)
					_, _ = io.WriteString(w, test.body)
				})
				cs := calls(n)
				err := c.Do(t.Context(), cs...)
				var status, want *jsonrpc.StatusError
				if errors.As(test.want, &want) {
					if !errors.As(err, &status) || status.Status != want.Status {
						t.Errorf("%v, want %v", err, test.want)
					}
				} else if !errors.Is(err, test.want) {
					t.Errorf("%v, want %v", err, test.want)
				}
				if cs[n-1].Err == nil || requests != 1 {
					t.Errorf("call's error %v after %d requests", cs[n-1].Err, requests)
				}
			})
		}
	}
}

func TestBodyOver10MB(t *testing.T) {
	for _, over := range []int{0, 1} {
		c := client(t, jsonrpc.Config{}, func(w http.ResponseWriter, r *http.Request) {
			const head, tail = `{"id":1,"result":"`, `"}`
			_, _ = io.WriteString(w, head+strings.Repeat("x", 10_000_000-len(head)-len(tail)+over)+tail)
		})
		if err := c.Do(t.Context(), calls(1)...); errors.Is(err, jsonrpc.ErrTooLarge) != (over > 0) {
			t.Errorf("%d bytes over 10 MB: %v", over, err)
		}
	}
}

// What is secret in the URL is nowhere in errors, not even behind the wrapping.
func TestSecretsStaySecret(t *testing.T) {
	secrets := []string{"hunter22", "0123456789abcdef", "qwertyuiop"}
	wantClean := func(t *testing.T, what string, v any) {
		t.Helper()
		for _, secret := range secrets {
			if s := fmt.Sprintf("%v %+v %#v", v, v, v); strings.Contains(s, secret) {
				t.Errorf("%s shows %s: %s", what, secret, s)
			}
		}
	}
	echoing := client(t, jsonrpc.Config{}, func(w http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprintf(w, `{"id":1,"error":{"code":-32000,"message":"bad key %s\u0007 %s"}}`, secrets[1], r.URL)
	})
	call := jsonrpc.NewCall("m")
	if err := echoing.Do(t.Context(), call); err != nil || call.Err == nil {
		t.Fatal(err, call.Err)
	}
	wantClean(t, "server error", call.Err.Error())
	wantClean(t, "name", echoing.Name())
	if echoing.Name() != "https://node.test" {
		t.Errorf("name %q", echoing.Name())
	}

	refused, err := jsonrpc.New(jsonrpc.Config{URL: "http://user:hunter22@127.0.0.1:1/0123456789abcdef?apikey=qwertyuiop"})
	if err != nil {
		t.Fatal(err)
	}
	defer refused.Close()
	err = refused.Do(t.Context(), call)
	if err == nil {
		t.Fatal("port 1 answered")
	}
	for e := err; e != nil; e = errors.Unwrap(e) {
		wantClean(t, "network error", e)
	}
	_, err = jsonrpc.New(jsonrpc.Config{URL: "ftp://user:hunter22@h/0123456789abcdef", Rate: -1, BatchSize: -1})
	wantClean(t, "config error", err)
	if s := fmt.Sprint(err); !strings.Contains(s, "URL") || !strings.Contains(s, "Rate") || !strings.Contains(s, "BatchSize") {
		t.Errorf("%s: want all faults", s)
	}
}

func FuzzAnswers(f *testing.F) {
	for _, seed := range []string{
		`{"id":1,"result":1}`, `[{"id":1,"result":null},{"id":2,"error":{"code":1,"message":"m","data":{"retry_after":1e400}}}]`, `[]`, `[null]`,
		`{"id":1,"error":{"code":429,"message":"","data":{"rate":{"backoff_seconds":"NaN"}}}}`, "\x00", `{"error":{}}`,
	} {
		f.Add([]byte(seed), 200, "1")
	}
	f.Fuzz(func(t *testing.T, answer []byte, status int, retry string) {
		if status < 200 || status > 599 {
			return
		}
		c := client(t, jsonrpc.Config{MaxBody: 1 << 16}, func(w http.ResponseWriter, r *http.Request) {
			w.Header()["Retry-After"] = []string{retry}
			w.WriteHeader(status)
			_, _ = w.Write(answer)
		})
		cs := calls(3)
		err := c.Do(t.Context(), cs...)
		for _, call := range cs {
			if call.Err == nil && call.Result == nil || err != nil && call.Err == nil && call.Result == nil {
				t.Errorf("%s has neither result nor error; Do says %v", call.Method, err)
			}
		}
		var paced *jsonrpc.PacedError
		if errors.As(err, &paced) && time.Until(paced.Until) > 5*time.Minute {
			t.Errorf("a pause of %v", time.Until(paced.Until))
		}
	})
}

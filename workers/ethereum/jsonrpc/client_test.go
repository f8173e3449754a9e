package jsonrpc_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"trackerfleet/workers/ethereum/jsonrpc"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// server is a server without a network.
type server func(w http.ResponseWriter, r *http.Request)

func (s server) RoundTrip(r *http.Request) (*http.Response, error) {
	rec := httptest.NewRecorder()
	s(rec, r)
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	resp := rec.Result()
	resp.Request = r
	return resp, nil
}

type sent struct {
	ID     uint64
	Method string
}

// read returns the calls of a request.
func read(r *http.Request) []sent {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(err)
	}
	if body[0] == '{' {
		var one sent
		if err := json.Unmarshal(body, &one); err != nil {
			panic(err)
		}
		return []sent{one}
	}
	var all []sent
	if err := json.Unmarshal(body, &all); err != nil {
		panic(err)
	}
	return all
}

// echo answers every call with its method.
func echo(w io.Writer, calls []sent) {
	var answers []string
	for _, c := range calls {
		answers = append(answers, fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"result":%q}`, c.ID, c.Method))
	}
	if len(calls) == 1 {
		_, _ = io.WriteString(w, answers[0])
		return
	}
	_, _ = io.WriteString(w, "["+strings.Join(answers, ",")+"]")
}

func client(t *testing.T, cfg jsonrpc.Config, s server) *jsonrpc.Client {
	t.Helper()
	if cfg.URL == "" {
		cfg.URL = "https://user:hunter22@node.test/v3/0123456789abcdef?apikey=qwertyuiop"
	}
	cfg.Transport = s
	c, err := jsonrpc.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func calls(n int) []*jsonrpc.Call {
	cs := make([]*jsonrpc.Call, n)
	for i := range cs {
		cs[i] = jsonrpc.NewCall(fmt.Sprintf("m%d", i))
	}
	return cs
}

func wantEchoed(t *testing.T, cs []*jsonrpc.Call) {
	t.Helper()
	for _, c := range cs {
		if c.Err != nil || string(c.Result) != fmt.Sprintf("%q", c.Method) {
			t.Errorf("%s: result %s, error %v", c.Method, c.Result, c.Err)
		}
	}
}

func TestBatchesMatchedByID(t *testing.T) {
	var sizes []int
	c := client(t, jsonrpc.Config{BatchSize: 4}, func(w http.ResponseWriter, r *http.Request) {
		got := read(r)
		sizes = append(sizes, len(got))
		for i, j := 0, len(got)-1; i < j; i, j = i+1, j-1 {
			got[i], got[j] = got[j], got[i]
		}
		echo(w, got)
	})
	cs := calls(10)
	if err := c.Do(t.Context(), cs...); err != nil {
		t.Fatal(err)
	}
	wantEchoed(t, cs)
	if fmt.Sprint(sizes) != "[4 4 2]" {
		t.Errorf("batches of %v, want [4 4 2]", sizes)
	}
	if n := c.Counts()["m3"]; n != 1 {
		t.Errorf("m3 counted %d times", n)
	}
}

func TestRefusedBatchIsHalved(t *testing.T) {
	refusals := map[string]func(w http.ResponseWriter, first uint64){
		"one object": func(w http.ResponseWriter, _ uint64) {
			_, _ = io.WriteString(w, `{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"batch limit exceeded"}}`)
		},
		"array of one": func(w http.ResponseWriter, id uint64) {
			_, _ = fmt.Fprintf(w, `[{"jsonrpc":"2.0","id":%d,"error":{"code":-32600,"message":"batch too large"}}]`, id)
		},
		"413": func(w http.ResponseWriter, _ uint64) { w.WriteHeader(http.StatusRequestEntityTooLarge) },
		"400": func(w http.ResponseWriter, _ uint64) { w.WriteHeader(http.StatusBadRequest) },
		"-32005 on batches": func(w http.ResponseWriter, _ uint64) {
			_, _ = io.WriteString(w, `{"jsonrpc":"2.0","id":1,"error":{"code":-32005,"message":"batch size too large"}}`)
		},
	}
	for name, refuse := range refusals {
		for _, limit := range []int{1, 3, 25} {
			t.Run(fmt.Sprint(name, " over ", limit), func(t *testing.T) {
				c := client(t, jsonrpc.Config{}, func(w http.ResponseWriter, r *http.Request) {
					if got := read(r); len(got) > limit {
						refuse(w, got[0].ID)
					} else {
						echo(w, got)
					}
				})
				cs := calls(60)
				if err := c.Do(t.Context(), cs...); err != nil {
					t.Fatal(err)
				}
				wantEchoed(t, cs)
				if n := c.BatchSize(); n > limit || n < (limit+1)/2 {
					t.Errorf("batch size %d after refusals over %d", n, limit)
				}
			})
		}
	}
}

func TestBatchGrowsAgain(t *testing.T) {
	refuse := true
	c := client(t, jsonrpc.Config{BatchSize: 8}, func(w http.ResponseWriter, r *http.Request) {
		got := read(r)
		if refuse && len(got) > 4 {
			w.WriteHeader(http.StatusRequestEntityTooLarge)
			return
		}
		echo(w, got)
	})
	for i := range 140 {
		cs := calls(8)
		if err := c.Do(t.Context(), cs...); err != nil {
			t.Fatal(err)
		}
		wantEchoed(t, cs)
		refuse = i < 1
	}
	if n := c.BatchSize(); n != 8 {
		t.Errorf("batch size %d, want 8 again", n)
	}
}

func TestHalfABatchIsToldCallByCall(t *testing.T) {
	c := client(t, jsonrpc.Config{}, func(w http.ResponseWriter, r *http.Request) {
		got := read(r)
		if len(got) < 4 { // asked again
			_, _ = io.WriteString(w, "[]")
			return
		}
		_, _ = fmt.Fprintf(w, `[{"id":"%d","result":null},{"id":%d,"error":{"code":7,"message":"no"}},{"id":99999,"result":1},{"result":2},{"id":%d}]`,
			got[0].ID, got[1].ID, got[2].ID)
	})
	cs := calls(4)
	if err := c.Do(t.Context(), cs...); err != nil {
		t.Fatal(err)
	}
	var answer *jsonrpc.Error
	if cs[0].Err != nil || string(cs[0].Result) != "null" || !errors.As(cs[1].Err, &answer) || answer.Code != 7 {
		t.Errorf("answered calls: %+v, %+v", cs[0], cs[1])
	}
	for _, call := range cs[2:] {
		if !errors.Is(call.Err, jsonrpc.ErrNoAnswer) {
			t.Errorf("%s: %v, want ErrNoAnswer", call.Method, call.Err)
		}
	}
}

// What an answer has left out is asked for once more, and nothing else is.
func TestTheOtherHalfOfABatchIsAskedForAgain(t *testing.T) {
	var sizes []int
	c := client(t, jsonrpc.Config{}, func(w http.ResponseWriter, r *http.Request) {
		got := read(r)
		sizes = append(sizes, len(got))
		echo(w, got[:max(len(got)*2/3, 1)])
	})
	cs := calls(3)
	if err := c.Do(t.Context(), cs...); err != nil || cs[0].Err != nil || cs[2].Err != nil || cs[2].Result == nil {
		t.Errorf("%v: %+v, %+v", err, cs[0], cs[2])
	}
	if fmt.Sprint(sizes) != "[3 1]" {
		t.Errorf("sent %v, want all and then the one that was left out", sizes)
	}
}

func TestTimeoutAndCancellation(t *testing.T) {
	hang := func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
	synctest.Test(t, func(t *testing.T) {
		c := client(t, jsonrpc.Config{Timeout: 3 * time.Second}, hang)
		start := time.Now()
		err := c.Do(t.Context(), calls(2)...)
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != 3*time.Second {
			t.Errorf("%v after %v, want the deadline after 3s", err, time.Since(start))
		}
		cause := errors.New("enough")
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Second, func() { cancel(cause) })
		cs := calls(2)
		if err := c.Do(ctx, cs...); !errors.Is(err, cause) || !errors.Is(cs[1].Err, cause) {
			t.Errorf("%v and %v, want the cause", err, cs[1].Err)
		}
	})
}

func TestRateLimitCountsCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := client(t, jsonrpc.Config{Rate: 10, BatchSize: 5}, func(w http.ResponseWriter, r *http.Request) { echo(w, read(r)) })
		start := time.Now()
		for range 10 {
			if err := c.Do(t.Context(), calls(5)...); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(start); took < 3900*time.Millisecond || took > 4100*time.Millisecond {
			t.Errorf("50 calls at 10 a second took %v, want 4s after a burst of 10", took)
		}
	})
}

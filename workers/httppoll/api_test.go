package httppoll

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
)

// api is a payment provider whose payments and faults a test sets.
type api struct {
	mu       sync.Mutex
	statuses map[string]string
	fault    func(w http.ResponseWriter, r *http.Request) (done bool) // nil: none
	header   http.Header                                              // of the last request
	paths    []string
	flying   int
	most     int // requests at one time

	requests atomic.Int64
	taken    int64
}

func newAPI() *api { return &api{statuses: map[string]string{}} }

func (a *api) set(id, status string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.statuses[id] = status
}

func (a *api) misbehave(fault func(http.ResponseWriter, *http.Request) bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.fault = fault
}

// take returns the number of requests since it was called before.
func (a *api) take() int {
	now := a.requests.Load()
	n := now - a.taken
	a.taken = now
	return int(n)
}

// asked returns the paths asked for since it was called before, in order.
func (a *api) asked() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	paths := a.paths
	a.paths = nil
	return paths
}

// ServeHTTP answers as the provider does.
func (a *api) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.requests.Add(1)
	a.mu.Lock()
	a.header = r.Header.Clone()
	a.paths = append(a.paths, r.URL.EscapedPath())
	a.flying++
	a.most = max(a.most, a.flying)
	fault := a.fault
	a.mu.Unlock()
	defer func() {
		a.mu.Lock()
		a.flying--
		a.mu.Unlock()
	}()
	if fault != nil && fault(w, r) {
		return
	}
	if r.Header.Get("Authorization") != "Bearer "+canary {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	id := r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:]
	a.mu.Lock()
	defer a.mu.Unlock()
	if id == "payments" {
		a.list(w)
		return
	}
	status, ok := a.statuses[id]
	if !ok {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	fmt.Fprintf(w, `{"id":%q,"status":%q,"amount":"12.00"}`, id, status)
}

func (a *api) list(w http.ResponseWriter) {
	type item struct {
		ID     string `json:"id"`
		Status string `json:"status"`
	}
	body := struct {
		Data []item `json:"data"`
	}{Data: []item{}}
	for id, status := range a.statuses {
		body.Data = append(body.Data, item{id, status})
	}
	_ = json.NewEncoder(w).Encode(body) // a client that has gone is no fault of the provider
}

// Faults.

func answers(code int, header ...string) func(http.ResponseWriter, *http.Request) bool {
	return func(w http.ResponseWriter, _ *http.Request) bool {
		for i := 0; i+1 < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(code)
		return true
	}
}

func says(body string) func(http.ResponseWriter, *http.Request) bool {
	return func(w http.ResponseWriter, _ *http.Request) bool {
		fmt.Fprint(w, body)
		return true
	}
}

func hangs(_ http.ResponseWriter, r *http.Request) bool {
	<-r.Context().Done()
	return true
}

func resets(http.ResponseWriter, *http.Request) bool { panic(http.ErrAbortHandler) }

// packed is a small answer that unpacks to a large one.
var packed = sync.OnceValue(func() []byte {
	var packed bytes.Buffer
	zip := gzip.NewWriter(&packed)
	fmt.Fprint(zip, `{"status":"ended_1","x":"`, strings.Repeat("x", 32<<20), `"}`)
	zip.Close()
	return packed.Bytes()
})

func bomb(w http.ResponseWriter, _ *http.Request) bool {
	w.Header().Set("Content-Encoding", "gzip")
	_, _ = w.Write(packed()) // the client hangs up in the middle
	return true
}

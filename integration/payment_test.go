package integration

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"trackerfleet/integration/process"
)

// pspCanary is the secret that a worker authenticates with, and that nobody else may get to see.
const pspCanary = "sk_live_c4n4ry_of_the_fleet"

// psp is a payment processor.
type psp struct {
	url string

	mu       sync.Mutex
	payments map[string]string // status by id
	gone     map[string]bool
	refuses  int // with this code; 0: does not
	looks    map[string]int
}

func newPSP(t *testing.T) *psp {
	t.Helper()
	p := &psp{payments: map[string]string{}, gone: map[string]bool{}, looks: map[string]int{}}
	server := httptest.NewServer(p)
	t.Cleanup(server.Close)
	p.url = server.URL
	return p
}

// ServeHTTP answers GET /v1/payments/{id}.
func (p *psp) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	id := strings.TrimPrefix(r.URL.Path, "/v1/payments/")
	p.looks[id]++
	status, known := p.payments[id]
	switch {
	case r.Header.Get("Authorization") != "Bearer "+pspCanary:
		w.WriteHeader(http.StatusUnauthorized)
	case p.refuses != 0:
		w.WriteHeader(p.refuses)
		fmt.Fprint(w, "your key is ", pspCanary)
	case p.gone[id]:
		w.WriteHeader(http.StatusGone)
	case !known:
		w.WriteHeader(http.StatusNotFound)
	default:
		fmt.Fprintf(w, `{"id":%q,"status":%q}`, id, status)
	}
}

func (p *psp) set(id, status string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.payments[id] = status
}

func (p *psp) forget(id string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.gone[id] = true
}

func (p *psp) refuse(code int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refuses = code
}

// profile is the one of the contract, at this address.
func (p *psp) profile() string {
	return `
default_source: psp
sources:
  psp:
    kind: http
    url: "` + p.url + `/v1/payments/{id}"
    headers: {Authorization: {from_env: PSP_TOKEN}}
    status: body.status
    map: {confirmed: [succeeded], failed: [failed], stopped: [canceled], pending: [processing]}
    intervals: [50ms, 100ms]
    probe: 100ms
    allow_http: true
    allow_private: true
`
}

// newPaid starts a fleet whose workers ask p.
func newPaid(t *testing.T, p *psp, names ...string) *fleet {
	t.Helper()
	t.Setenv("PSP_TOKEN", "Bearer "+pspCanary)
	f := newFleet(t)
	for _, name := range names {
		config := f.workerConfig(name)
		config.YAML = p.profile()
		f.workers = append(f.workers, process.StartWorker(t, config))
	}
	return f
}

// run runs a verb of the command to its end.
func (f *fleet) run(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	p := process.Start(t, process.Tracker(t), append(args, "--server", f.server.URL)...)
	code, err := p.Wait(ctx)
	if err != nil {
		t.Fatalf("tracker %v: %v", args, err)
	}
	out, errs := p.Output()
	return code, strings.Join(out, "\n"), strings.Join(errs, "\n")
}

// TestPaymentsAreFollowedToTheirEnds: what a payment processor says of a payment is how its tracker ends, by the command line.
func TestPaymentsAreFollowedToTheirEnds(t *testing.T) {
	api := newPSP(t)
	f := newPaid(t, api, "w-1")
	for id, c := range map[string]struct {
		end      func(payment string)
		code     int
		terminal string
		result   string
	}{
		"paid":   {func(id string) { api.set(id, "succeeded") }, 0, "confirmed", `"provider_status":"succeeded","finality":"provider"`},
		"denied": {func(id string) { api.set(id, "failed") }, 10, "failed", `"provider_status":"failed","finality":"provider"`},
		"off":    {func(id string) { api.set(id, "canceled") }, 14, "stopped", `"reason":"canceled","by":"provider"`},
		"gone":   {api.forget, 12, "dropped", `"reason":"410 Gone"`},
	} {
		payment := "pay_" + id
		api.set(payment, "processing")
		if code, _, stderr := f.run(t, "start", id, "--source", "psp", "--params", fmt.Sprintf(`{"id":%q}`, payment)); code != 0 {
			t.Fatalf("start %s: exit code %d: %s", id, code, stderr)
		}
		f.eventsUntil(t, id, "pending")
		if code, stdout, _ := f.run(t, "lookup", id); code != 0 || !strings.Contains(stdout, "last check") || !strings.Contains(stdout, "next check") {
			t.Errorf("lookup %s: exit code %d\n%s", id, code, stdout)
		}
		c.end(payment)
		if code, stdout, stderr := f.run(t, "wait", id); code != c.code {
			t.Errorf("wait %s: exit code %d, want %d\n%s\n%s", id, code, c.code, stdout, stderr)
		}
		if got := types(f.eventsUntil(t, id, c.terminal)); got != "started pending "+c.terminal {
			t.Errorf("%s: events %s", id, got)
		}
		if got := f.want(t, "found", "lookup", id).Tracker; !strings.Contains(string(got.Result), c.result) || got.Restarts != 0 {
			t.Errorf("%s: result %s, want %s", id, got.Result, c.result)
		}
	}
	code, _, stderr := f.run(t, "start", "evil", "--params", `{"url":"http://169.254.169.254/","id":".."}`)
	if code == 0 || !strings.Contains(stderr, "params.url") || !strings.Contains(stderr, "params.id") {
		t.Errorf("a start that names a URL: exit code %d: %s", code, stderr)
	}
}

// TestAPaymentOutlivesItsWorkerAndItsProvidersTrouble: refused credentials decide nothing and are said once, a worker that is killed
// is taken over, and the secret is nowhere to be seen.
func TestAPaymentOutlivesItsWorkerAndItsProvidersTrouble(t *testing.T) {
	takesAWhile(t)
	api := newPSP(t)
	f := newPaid(t, api, "w-1")
	const payments = 8
	for i := range payments {
		api.set(fmt.Sprint(i), "processing")
		f.want(t, "created", "spawn", fmt.Sprintf(`{"transaction_id":"t%d","params":{"id":"%d"}}`, i, i))
		f.eventsUntil(t, fmt.Sprintf("t%d", i), "pending")
	}
	worker := f.workers[0]
	api.refuse(http.StatusForbidden)
	process.Await(t, patience, func() error { return said(worker.Process, "source degraded", 1) })
	f.want(t, "ok", "call", `{"transaction_id":"t0","op":"refresh"}`)
	if metrics := getText(t, "http://"+worker.HTTP+"/metrics"); !strings.Contains(metrics, `source_degraded{source="psp"`) ||
		strings.Contains(metrics, pspCanary) {
		t.Errorf("metrics:\n%s", metrics)
	}
	for i := range payments {
		if got := f.want(t, "found", "lookup", fmt.Sprintf("t%d", i)).Tracker; got.Status != "pending" || got.Events != 2 || got.Restarts != 0 {
			t.Errorf("t%d is %+v", i, got)
		}
	}
	api.refuse(0)
	process.Await(t, patience, func() error { return said(worker.Process, "source recovered", 1) })
	if err := said(worker.Process, "source degraded", 1); err != nil {
		t.Error(err)
	}

	worker.Kill()
	for i := range payments {
		api.set(fmt.Sprint(i), "succeeded")
	}
	config := f.workerConfig("w-2")
	config.YAML = api.profile()
	second := process.StartWorker(t, config)
	for i := range payments {
		id := fmt.Sprintf("t%d", i)
		events := f.eventsUntil(t, id, "confirmed")
		if got := types(events); got != "started pending confirmed" {
			t.Errorf("%s: events %s", id, got)
		}
		for _, e := range events {
			if b, err := json.Marshal(e); err != nil || strings.Contains(string(b), pspCanary) {
				t.Errorf("%s: %s, %v", id, b, err)
			}
		}
	}
	for _, w := range []*process.Process{worker.Process, second.Process} {
		if w.Said(pspCanary) > 0 {
			t.Error("the secret was printed")
		}
	}
}

// said reports whether a process has said a text so often.
func said(p *process.Process, text string, want int) error {
	if got := p.Said(text); got != want {
		return fmt.Errorf("%q was said %d times, want %d", text, got, want)
	}
	return nil
}

func getText(t *testing.T, url string) string {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

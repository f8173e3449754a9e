package monitor

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"trackerfleet/bus"
	"trackerfleet/supervision"
	"trackerfleet/workers"
	"trackerfleet/workers/source"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type fakeMember struct {
	name   string
	mu     sync.Mutex
	checks []workers.Check
}

func (m *fakeMember) Name() string { return m.name }

func (m *fakeMember) Ready() []workers.Check {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.checks
}

func (m *fakeMember) set(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.checks = []workers.Check{{Name: "nats"}, {Name: "draining", Err: err}}
}

func (m *fakeMember) Stats() workers.Stats {
	return workers.Stats{
		Worker: m.name, Trackers: supervision.Counts{Running: 7, Parked: 2}, Partitions: 256, Started: 9, Rejected: 1, Restarted: 3,
		Events: map[string]uint64{"started": 9, "confirmed": 4}, StartBacklog: 5, StartBacklogAge: 1500 * time.Millisecond, Frozen: true,
		Journal: bus.JournalStats{Batches: 10, Messages: 50, CommitSeconds: 0.25, Fenced: 6},
		Sources: map[string]source.Health{"sim": {Head: 99, Watched: 7, Calls: map[string]uint64{"eth_blockNumber": 12}}},
	}
}

// serve starts a server for two expected members and returns how to ask it.
func serve(t *testing.T) (*Server, func(path, accept string) (int, string)) {
	t.Helper()
	s := New(2, Build{Version: "1.2.3", Revision: "abc", Go: "go1"})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.Start(l)
	transport := &http.Transport{}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		if err := s.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return s, func(path, accept string) (int, string) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+l.Addr().String()+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Accept", accept)
		resp, err := transport.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, string(b)
	}
}

func TestReadyz_namesEachCheckAndIsReadyWhenAllHold(t *testing.T) {
	s, get := serve(t)
	one, two := &fakeMember{name: "w-1"}, &fakeMember{name: "w-2"}
	one.set(nil)
	two.set(nil)
	if code, body := get("/readyz", ""); code != 503 || !strings.Contains(body, "0 of 2 workers") {
		t.Errorf("without members: %d %s", code, body)
	}
	for _, m := range []*fakeMember{one, two} {
		if err := s.Add(m); err != nil {
			t.Fatal(err)
		}
	}
	if code, body := get("/readyz", ""); code != 200 || !strings.Contains(body, "ok        w-2/draining") {
		t.Errorf("all ready: %d %s", code, body)
	}
	two.set(errors.New("leaving the fleet"))
	code, body := get("/readyz", "application/json")
	var report Report
	if err := json.Unmarshal([]byte(body), &report); err != nil || code != 503 || report.Ready || len(report.Checks) != 4 {
		t.Fatalf("%d %v %s", code, err, body)
	}
	if last := report.Checks[3]; last != (Check{Name: "w-2/draining", Error: "leaving the fleet"}) {
		t.Errorf("got %+v", last)
	}
}

func TestHealthz_failsOnlyWhenTheProcessCannotGoOn(t *testing.T) {
	s, get := serve(t)
	if code, _ := get("/healthz", ""); code != 200 {
		t.Errorf("not ready is not unhealthy: %d", code)
	}
	s.Fail(errors.New("connection closed for good"))
	if code, body := get("/healthz", ""); code != 503 || !strings.Contains(body, "for good") {
		t.Errorf("%d %s", code, body)
	}
}

func TestMetrics_haveEveryFamilyOnceForEachWorker(t *testing.T) {
	s, get := serve(t)
	for _, name := range []string{"w-1", "w-2"} {
		if err := s.Add(&fakeMember{name: name}); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Add(&fakeMember{name: "w-1"}); err == nil {
		t.Error("two members of one name")
	}
	code, body := get("/metrics", "")
	if code != 200 {
		t.Fatalf("%d %s", code, body)
	}
	for _, want := range []string{
		`tracker_active{phase="running",worker="w-1"} 7`,
		`tracker_active{phase="running",worker="w-2"} 7`,
		`tracker_starts_total{result="created",worker="w-1"} 9`,
		`tracker_starts_total{result="rejected",worker="w-1"} 1`,
		`tracker_restarts_total{worker="w-1"} 3`,
		`tracker_parked{worker="w-1"} 2`,
		`tracker_events_published_total{type="confirmed",worker="w-1"} 4`,
		`tracker_partitions_owned{worker="w-1"} 256`,
		`tracker_start_backlog_messages{worker="w-1"} 5`,
		`tracker_start_backlog_age_seconds{worker="w-1"} 1.5`,
		`tracker_journal_batch_messages_sum{worker="w-1"} 50`,
		`tracker_journal_commit_seconds_count{worker="w-1"} 10`,
		`tracker_fenced_writes_total{worker="w-1"} 6`,
		`tracker_source_requests_total{method="eth_blockNumber",source="sim",worker="w-1"} 12`,
		`tracker_source_head{source="sim",worker="w-1"} 99`,
		`tracker_frozen{worker="w-1"} 1`,
		`tracker_build_info{goversion="go1",revision="abc",version="1.2.3"} 1`,
		`go_goroutines `,
	} {
		if !strings.Contains(body, "\n"+want) {
			t.Errorf("no %s", want)
		}
	}
	for _, f := range families() {
		if !strings.Contains(body, "# HELP tracker_"+f.name+" ") {
			t.Errorf("no family %s", f.name)
		}
	}
}

func TestServer_answersGETOnly(t *testing.T) {
	s := New(1, Build{})
	for _, path := range []string{"/healthz", "/readyz", "/metrics"} {
		w := httptest.NewRecorder()
		r, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://x"+path, nil)
		s.http.Handler.ServeHTTP(w, r)
		if w.Code != http.StatusMethodNotAllowed {
			t.Errorf("POST %s: %d", path, w.Code)
		}
	}
}

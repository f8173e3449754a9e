package cli

import (
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"trackerfleet/bus"
	"trackerfleet/cmd/tracker/monitor"
)

// answering is a server that answers path with a status and a body; it returns its address.
func answering(t *testing.T, path string, status int, body string) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != path {
			t.Errorf("asked for %s, want %s", r.URL.Path, path)
		}
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}))
	t.Cleanup(s.Close)
	return strings.TrimPrefix(s.URL, "http://")
}

func TestCheckReady_asksTheRealReadyz(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := monitor.New(1, monitor.Build{})
	s.Start(l)
	defer func() {
		if err := s.Stop(t.Context()); err != nil {
			t.Error(err)
		}
	}()
	got := trackerIn(t.Context(), nil, []string{"TRACKER_HTTP=" + l.Addr().String()}, "", "check", "ready")
	if got.code != exitUnavailable || !strings.Contains(got.out, "NOT READY start: 0 of 1 workers are there") || got.stderr != "" {
		t.Errorf("got %+v", got)
	}
}

func TestCheck_saysWhatIsAndExitsWithIt(t *testing.T) {
	ready := `{"ready":true,"checks":[{"name":"w-1/nats","ready":true},{"name":"w-1/store","ready":true}]}`
	unready := `{"ready":false,"checks":[{"name":"w-1/nats","ready":false,"error":"disconnected \u001b[31m"}]}`
	for _, tc := range []struct {
		verb, path string
		status     int
		body       string
		code       int
		says       string
	}{
		{"ready", "/readyz", 200, ready, exitOK, "ok        w-1/nats\nok        w-1/store"},
		{"ready", "/readyz", 503, unready, exitUnavailable, "w-1/nats: disconnected"},
		{"ready", "/readyz", 200, "<html>", exitUnavailable, ""},
		{"ready", "/readyz", 404, "{}", exitUnavailable, ""},
		{"ready", "/readyz", 200, "{}", exitUnavailable, ""}, // says ready of nothing
		{"server", "/healthz", 200, `{"status":"ok"}`, exitOK, "ok        server"},
		{"server", "/healthz", 503, `{"status":"unavailable","error":"JetStream stream TRACKER is not current"}`, exitUnavailable, "TRACKER is not current"},
		{"server", "/healthz", 200, `{}`, exitUnavailable, ""},
	} {
		address := answering(t, tc.path, tc.status, tc.body)
		got := tracker(t, nil, "", "check", tc.verb, "--http", address)
		if got.code != tc.code || !strings.Contains(got.out, tc.says) || strings.Contains(got.out, "\x1b") {
			t.Errorf("%s, %d %s: %+v", tc.verb, tc.status, tc.body, got)
		}
	}
}

func TestCheck_ofNobodyIsUnavailable(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := l.Addr().String()
	l.Close()
	for _, verb := range []string{"ready", "server"} {
		if got := tracker(t, nil, "", "check", verb, "--http", nobody); got.code != exitUnavailable || got.stderr == "" {
			t.Errorf("%s: %+v", verb, got)
		}
	}
}

func TestCheck_wantsAnAddress(t *testing.T) {
	for _, args := range [][]string{
		{"check"},
		{"check", "ready"},
		{"check", "ready", "--http", "8460"},
		{"check", "ready", "--http", "127.0.0.1:0"},
		{"check", "server", "--http", "a b:1"},
		{"streams"},
	} {
		if got := tracker(t, nil, "", args...); got.code != exitUsage {
			t.Errorf("%q: %+v", args, got)
		}
	}
}

func TestStreamsPrint_isWhatNATSReads(t *testing.T) {
	got := tracker(t, nil, "", "streams", "print", "--streams-replicas", "3")
	var definitions map[string]struct {
		Name     string `json:"name"`
		Replicas int    `json:"num_replicas"`
	}
	if err := json.Unmarshal([]byte(got.out), &definitions); err != nil || got.code != 0 {
		t.Fatalf("%v: %+v", err, got)
	}
	for _, name := range []string{bus.StreamTracker, bus.StreamStarts, bus.StreamRejected} {
		if d := definitions[name]; d.Name != name || d.Replicas != 3 {
			t.Errorf("%s: %+v", name, d)
		}
	}
}

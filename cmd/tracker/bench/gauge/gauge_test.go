package gauge

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const metrics = `# TYPE process_resident_memory_bytes gauge
process_resident_memory_bytes 4.5e+07
# TYPE pause_seconds summary
pause_seconds{quantile="0"} 1e-05
pause_seconds{quantile="1"} 0.002
pause_seconds_sum 0.1
pause_seconds_count 10
# TYPE tracker_active gauge
tracker_active{phase="backoff"} 3
tracker_active{phase="running"} 7
# TYPE tracker_restarts_total counter
tracker_restarts_total 4
`

func read(t *testing.T) *Reading {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(metrics)) }))
	t.Cleanup(s.Close)
	t.Cleanup(s.Client().CloseIdleConnections)
	r, err := Meter{URL: s.URL, Client: s.Client()}.Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestReading_hasEveryKindOfMetric(t *testing.T) {
	r := read(t)
	count, sum := r.Summary("pause_seconds")
	got := []float64{
		r.Value("process_resident_memory_bytes"), r.Value("tracker_restarts_total"), r.Labelled("tracker_active", "running"),
		r.Labelled("tracker_active", "parked"), r.Sum("tracker_active"), r.Highest("pause_seconds"), count, sum,
	}
	for i, want := range []float64{4.5e7, 4, 7, 0, 10, 0.002, 10, 0.1} {
		if got[i] != want {
			t.Errorf("value %d is %v, want %v", i, got[i], want)
		}
	}
	if err := r.Err(); err != nil {
		t.Error(err)
	}
}

func TestReading_remembersTheFirstThatIsMissing(t *testing.T) {
	r := read(t)
	if v := r.Value("first") + r.Value("tracker_restarts_total") + r.Sum("second") + r.Labelled("third", "x") + r.Highest("fourth"); v != 4 {
		t.Errorf("what is missing is worth %v", v-4)
	}
	if err := r.Err(); !errors.Is(err, ErrMetrics) || err.Error() != "gauge: metric is missing: first" {
		t.Error(err)
	}
}

func TestRead_failsWhenNobodyAnswers(t *testing.T) {
	s := httptest.NewServer(http.NotFoundHandler())
	s.Close()
	if _, err := (Meter{URL: s.URL, Client: s.Client()}).Read(t.Context()); err == nil {
		t.Error("read the metrics of nobody")
	}
}

package bench

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"trackerfleet/cmd/tracker/bench/gauge"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestPlan_namesWhatIsWrong(t *testing.T) {
	good := Plan{Trackers: MinTrackers, Lookups: time.Second, CrashShare: 1}
	if err := good.Validate(); err != nil {
		t.Errorf("%+v: %v", good, err)
	}
	for _, change := range []func(*Plan){
		func(p *Plan) { p.Trackers = MinTrackers - 1 },
		func(p *Plan) { p.Trackers = MaxTrackers + 1 },
		func(p *Plan) { p.Hold = -1 },
		func(p *Plan) { p.Lookups = 0 },
		func(p *Plan) { p.CrashShare = 1.01 },
		func(p *Plan) { p.CrashShare = -0.01 },
	} {
		bad := good
		if change(&bad); bad.Validate() == nil {
			t.Errorf("%+v is good", bad)
		}
	}
}

func TestQuantile(t *testing.T) {
	l := latencies{3 * time.Millisecond, time.Millisecond, 2 * time.Millisecond, 4 * time.Millisecond}
	for q, want := range map[float64]float64{0: 1, 0.5: 3, 0.99: 4, 1: 4} {
		if got := l.quantile(q); got != want {
			t.Errorf("quantile %v is %v ms, want %v", q, got, want)
		}
	}
	if got := (latencies{}).quantile(0.5); got != 0 {
		t.Errorf("quantile of nothing is %v", got)
	}
}

const metrics = `# TYPE process_resident_memory_bytes gauge
process_resident_memory_bytes 4.5e+07
# TYPE go_gc_heap_live_bytes gauge
go_gc_heap_live_bytes 5e+06
# TYPE go_cpu_classes_gc_total_cpu_seconds_total counter
go_cpu_classes_gc_total_cpu_seconds_total 0.5
# TYPE go_cpu_classes_total_cpu_seconds_total counter
go_cpu_classes_total_cpu_seconds_total 100
# TYPE go_gc_duration_seconds summary
go_gc_duration_seconds{quantile="0"} 1e-05
go_gc_duration_seconds{quantile="1"} 0.002
go_gc_duration_seconds_sum 0.1
go_gc_duration_seconds_count 10
# TYPE tracker_active gauge
tracker_active{phase="backoff",worker="w-1"} 3
tracker_active{phase="running",worker="w-1"} 7
# TYPE tracker_restarts_total counter
tracker_restarts_total{worker="w-1"} 4
`

const journalMetrics = `# TYPE tracker_journal_batch_messages summary
tracker_journal_batch_messages_sum{worker="w-1"} 900
tracker_journal_batch_messages_count{worker="w-1"} 30
`

// serving returns a run with a worker that serves text as its metrics.
func serving(t *testing.T, text string) *run {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(text)) }))
	t.Cleanup(s.Close)
	t.Cleanup(s.Client().CloseIdleConnections)
	return &run{Bench: Bench{Worker: Process{Meter: gauge.Meter{URL: s.URL, Client: s.Client()}}}}
}

func TestRead_readsWhatIsMeasured(t *testing.T) {
	got, err := serving(t, metrics+journalMetrics).read(t.Context())
	want := state{
		rss: 4.5e7, heap: 5e6, gcSeconds: 0.5, cpuSeconds: 100, collections: 10, paused: 0.1, batches: 30, messages: 900, restarts: 4, running: 7,
	}
	if err != nil || got != want {
		t.Errorf("read %+v, %v; want %+v", got, err, want)
	}
}

func TestRead_failsWithoutTheJournalsMetrics(t *testing.T) {
	if _, err := serving(t, metrics).read(t.Context()); !errors.Is(err, gauge.ErrMetrics) {
		t.Errorf("without the journal's metrics: %v", err)
	}
}

func TestFlight_endsWithTheFirstError(t *testing.T) {
	cause := errors.New("broken")
	var done atomic.Int64
	err := flight(t.Context(), 1000, 4, func(_ context.Context, i int) error {
		if i == 10 {
			return cause
		}
		done.Add(1)
		return nil
	})
	if !errors.Is(err, cause) || done.Load() == 999 {
		t.Errorf("%d done, then %v", done.Load(), err)
	}
	done.Store(0)
	if err := flight(t.Context(), 1000, 4, func(context.Context, int) error { done.Add(1); return nil }); err != nil || done.Load() != 1000 {
		t.Errorf("%d of 1,000 done: %v", done.Load(), err)
	}
}

func TestGoroutines_areGoneAfterwards(t *testing.T) {
	if took, bytes := goroutines(1000); took <= 0 || bytes < 1000 {
		t.Errorf("1,000 goroutines took %v and %.0f bytes each", took, bytes)
	}
}

func TestHeldBy_readsHeartbeats(t *testing.T) {
	got, err := heldBy([]byte(`{"worker":"w-1","beat":3,"load":{"trackers":7,"partitions":2}}`))
	if err != nil || got != 7 {
		t.Errorf("%d, %v, want 7", got, err)
	}
	for _, bad := range []string{`{"worker":"w-1"}`, `{"load":{"partitions":2}}`, `{`} {
		if _, err := heldBy([]byte(bad)); err == nil {
			t.Errorf("%s says nothing of trackers, and no error", bad)
		}
	}
}

func TestIdleShare_isThatOfForcedCollectionsWhenNoneCame(t *testing.T) {
	idle, after := state{gcSeconds: 1, cpuSeconds: 100, collections: 5}, state{gcSeconds: 2, cpuSeconds: 200, collections: 6}
	if got := idleShare(idle, after, after); got != 0.01 {
		t.Errorf("one came: %v", got)
	}
	collected := state{gcSeconds: 5, cpuSeconds: 300, collections: 7}
	want := 2 / (120 * float64(runtime.GOMAXPROCS(0)))
	if got := idleShare(idle, idle, collected); got != want {
		t.Errorf("none came: %v, want %v", got, want)
	}
}

package bench

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// ErrMetrics is a worker whose metrics lack something that is needed.
var ErrMetrics = errors.New("bench: metric is missing")

// gauge is the state of a worker's process as its metrics tell it.
type gauge struct {
	rss, heap             float64 // bytes; the heap's live ones after the last collection
	gcSeconds, cpuSeconds float64 // CPU time of the collector, and all that there was
	maxPause              float64 // seconds, the longest of the last cycles
	batches, messages     float64 // of the journal
	restarts, running     float64
}

// Meter reads the metrics of one worker.
type Meter struct {
	URL    string // of /metrics
	Client *http.Client
}

func (m Meter) read(ctx context.Context) (gauge, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, m.URL, nil)
	if err != nil {
		return gauge{}, fmt.Errorf("bench: metrics: %w", err)
	}
	resp, err := m.Client.Do(req)
	if err != nil {
		return gauge{}, fmt.Errorf("bench: metrics: %w", err)
	}
	defer resp.Body.Close()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(resp.Body)
	if err != nil {
		return gauge{}, fmt.Errorf("bench: metrics: %w", err)
	}
	r := reading{families: families}
	g := gauge{
		rss: r.value("process_resident_memory_bytes"), heap: r.value("go_gc_heap_live_bytes"),
		gcSeconds:  r.value("go_cpu_classes_gc_total_cpu_seconds_total"),
		cpuSeconds: r.value("go_cpu_classes_total_cpu_seconds_total"),
		maxPause:   r.highest("go_gc_duration_seconds"),
		restarts:   r.value("tracker_restarts_total"), running: r.labelled("tracker_active", "running"),
	}
	batches := r.one("tracker_journal_batch_messages").GetSummary()
	g.batches, g.messages = float64(batches.GetSampleCount()), batches.GetSampleSum()
	return g, r.err
}

// reading reads values and remembers the first that is missing.
type reading struct {
	families map[string]*dto.MetricFamily
	err      error
}

// one returns the first series of a family.
func (r *reading) one(name string) *dto.Metric {
	family := r.families[name]
	if family == nil || len(family.GetMetric()) == 0 {
		if r.err == nil {
			r.err = fmt.Errorf("%w: %s", ErrMetrics, name)
		}
		return &dto.Metric{}
	}
	return family.GetMetric()[0]
}

func (r *reading) value(name string) float64 { return valueOf(r.one(name)) }

// labelled returns the series that has a label of that value.
func (r *reading) labelled(name, label string) float64 {
	r.one(name)
	for _, m := range r.families[name].GetMetric() {
		for _, l := range m.GetLabel() {
			if l.GetValue() == label {
				return valueOf(m)
			}
		}
	}
	return 0
}

// highest returns the largest value that a summary knows.
func (r *reading) highest(name string) float64 {
	highest := 0.0
	for _, q := range r.one(name).GetSummary().GetQuantile() {
		highest = max(highest, q.GetValue())
	}
	return highest
}

func valueOf(m *dto.Metric) float64 {
	switch {
	case m.GetGauge() != nil:
		return m.GetGauge().GetValue()
	case m.GetCounter() != nil:
		return m.GetCounter().GetValue()
	default:
		return m.GetUntyped().GetValue()
	}
}

// Package gauge reads the metrics that a process of the fleet serves.
package gauge

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// ErrMetrics is a process whose metrics lack something that is needed.
var ErrMetrics = errors.New("gauge: metric is missing")

// Meter reads the metrics of one process.
type Meter struct {
	URL    string // of /metrics
	Client *http.Client
}

// Read returns the metrics as they are now.
func (m Meter) Read(ctx context.Context) (*Reading, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, m.URL, http.NoBody)
	if err != nil {
		return nil, fmt.Errorf("gauge: %w", err)
	}
	resp, err := m.Client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("gauge: %w", err)
	}
	defer resp.Body.Close()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(resp.Body)
	if err != nil {
		return nil, fmt.Errorf("gauge: %w", err)
	}
	return &Reading{families: families}, nil
}

// Reading is the metrics of a process at one time. What is missing reads as 0, and Err names the first of it.
type Reading struct {
	families map[string]*dto.MetricFamily
	err      error
}

// Err returns an [ErrMetrics] if anything that was asked for is missing.
func (r *Reading) Err() error { return r.err }

// series returns the first series of a family.
func (r *Reading) series(name string) *dto.Metric {
	family := r.families[name]
	if family == nil || len(family.GetMetric()) == 0 {
		if r.err == nil {
			r.err = fmt.Errorf("%w: %s", ErrMetrics, name)
		}
		return &dto.Metric{}
	}
	return family.GetMetric()[0]
}

// Value returns the gauge or counter of that name.
func (r *Reading) Value(name string) float64 { return valueOf(r.series(name)) }

// Labelled returns the series of that name that has a label of that value, 0 if there is none.
func (r *Reading) Labelled(name, label string) float64 {
	r.series(name)
	for _, m := range r.families[name].GetMetric() {
		for _, l := range m.GetLabel() {
			if l.GetValue() == label {
				return valueOf(m)
			}
		}
	}
	return 0
}

// Sum returns all series of that name together.
func (r *Reading) Sum(name string) float64 {
	r.series(name)
	sum := 0.0
	for _, m := range r.families[name].GetMetric() {
		sum += valueOf(m)
	}
	return sum
}

// Summary returns how many values a summary has seen, and their sum.
func (r *Reading) Summary(name string) (count, sum float64) {
	s := r.series(name).GetSummary()
	return float64(s.GetSampleCount()), s.GetSampleSum()
}

// Highest returns the largest value that a summary knows.
func (r *Reading) Highest(name string) float64 {
	highest := 0.0
	for _, q := range r.series(name).GetSummary().GetQuantile() {
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

package soak

import (
	"cmp"
	"slices"
)

// Figure is something that must not grow, and what it did. First and Last are the medians of the first and the last third of the
// samples after the warm-up.
type Figure struct {
	Name    string  `json:"name"`
	Unit    string  `json:"unit"`
	First   float64 `json:"first_third"`
	Last    float64 `json:"last_third"`
	Highest float64 `json:"highest"` // after the warm-up
	Limit   float64 `json:"limit"`   // of Last
	Held    bool    `json:"held"`
}

// series is a figure of all samples: of is what it is, in units, and slack by how much it may grow beside the tolerance, because it
// does so by chance.
type series struct {
	name, unit string
	of         func(*Sample) float64
	slack      float64
}

const megabyte = 1 << 20

// allSeries returns what is judged. busy is how much the journal writes in a second, in messages.
func allSeries(busy float64, embedded bool) []series {
	all := []series{
		{"worker, resident", "MB", func(s *Sample) float64 { return s.WorkerRSS / megabyte }, 8},
		{"worker, live heap", "MB", func(s *Sample) float64 { return s.WorkerHeap / megabyte }, 8},
		{"worker, goroutines", "", func(s *Sample) float64 { return s.WorkerGoroutines }, 50},
		{"journal, writes pending", "", func(s *Sample) float64 { return s.JournalPending }, busy},
		{"journal, commit of a batch", "ms", func(s *Sample) float64 { return s.JournalCommitMS }, 50},
		{"starts not yet tracked", "", func(s *Sample) float64 { return s.StartBacklog }, busy},
		{"event, from decision to reader", "ms", func(s *Sample) float64 { return s.EventLagMS }, 100},
		{"TRACKER, messages", "", func(s *Sample) float64 { return s.RecordMessages }, 5 * busy},
		{"TRACKER", "MB", func(s *Sample) float64 { return s.RecordBytes / megabyte }, 4},
		{"TRACKER_STARTS, messages", "", func(s *Sample) float64 { return s.StartMessages }, 5 * busy},
	}
	if embedded {
		all = append(all,
			series{"server, store on disk", "MB", func(s *Sample) float64 { return s.DiskBytes / megabyte }, 32},
			series{"server, resident", "MB", func(s *Sample) float64 { return s.ServerRSS / megabyte }, 32},
			series{"server, goroutines", "", func(s *Sample) float64 { return s.ServerGoroutines }, 20},
		)
	}
	return all
}

// judge returns the figure of s in samples, all of which are warm.
func (s series) judge(samples []Sample, tolerance float64) Figure {
	values := make([]float64, len(samples))
	for i := range samples {
		values[i] = s.of(&samples[i])
	}
	third := len(values) / 3
	f := Figure{Name: s.name, Unit: s.unit, First: median(values[:third]), Last: median(values[len(values)-third:]), Highest: slices.Max(values)}
	f.Limit = f.First*(1+tolerance) + s.slack
	f.Held = f.Last <= f.Limit
	return f
}

// median returns the value in the middle, 0 of nothing.
func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.SortedFunc(slices.Values(values), cmp.Compare[float64])
	return sorted[len(sorted)/2]
}

// thin returns at most n of the samples, evenly spread, the last one among them.
func thin(samples []Sample, n int) []Sample {
	if len(samples) <= n {
		return samples
	}
	out := make([]Sample, n)
	for i := range out {
		out[i] = samples[(i+1)*len(samples)/n-1]
	}
	return out
}

package soak

import (
	"cmp"
	"slices"
)

// Rule says how a figure is judged.
type Rule string

const (
	// Flat is what must not grow: Last is at most First, the tolerance, and what chance adds.
	Flat Rule = "flat"
	// Bounded is what may grow when others need the machine too, as times do: First and Last are at most the limit, which is the same
	// for every run.
	Bounded Rule = "bounded"
)

// Figure is something that must be flat or bounded, and what it did. First and Last are the medians of the first and the last third of
// the samples after the warm-up.
type Figure struct {
	Name    string  `json:"name"`
	Unit    string  `json:"unit"`
	Rule    Rule    `json:"rule"`
	First   float64 `json:"first_third"`
	Last    float64 `json:"last_third"`
	Highest float64 `json:"highest"` // after the warm-up
	Limit   float64 `json:"limit"`   // of Last; of First, too, if it is bounded
	Held    bool    `json:"held"`
}

// series is a figure of all samples: of is what it is, in units.
type series struct {
	name, unit string
	of         func(*Sample) float64
	must       demand
}

// demand is what a figure must be. by is, in its units, what a flat one may grow by chance, beside the tolerance, or the limit of a
// bounded one.
type demand struct {
	be Rule
	by float64
}

func flat(slack float64) demand    { return demand{Flat, slack} }
func bounded(limit float64) demand { return demand{Bounded, limit} }

const (
	megabyte = 1 << 20
	// lagBound is how much time may pass until a batch is committed, and until the reader of an event has it, in milliseconds: who
	// watches a payment takes a second for "now". A lag that grows without end shows, long before, in the queues, which must be flat.
	lagBound = 1000
)

// allSeries returns what is judged. busy is how much the journal writes in a second, in messages.
func allSeries(busy float64, embedded bool) []series {
	all := []series{
		{"worker, resident", "MB", func(s *Sample) float64 { return s.WorkerRSS / megabyte }, flat(8)},
		{"worker, live heap", "MB", func(s *Sample) float64 { return s.WorkerHeap / megabyte }, flat(8)},
		{"worker, goroutines", "", func(s *Sample) float64 { return s.WorkerGoroutines }, flat(50)},
		{"journal, writes pending", "", func(s *Sample) float64 { return s.JournalPending }, flat(busy)},
		{"journal, commit of a batch", "ms", func(s *Sample) float64 { return s.JournalCommitMS }, bounded(lagBound)},
		{"starts not yet tracked", "", func(s *Sample) float64 { return s.StartBacklog }, flat(busy)},
		{"event, from decision to reader", "ms", func(s *Sample) float64 { return s.EventLagMS }, bounded(lagBound)},
		{"TRACKER, messages", "", func(s *Sample) float64 { return s.RecordMessages }, flat(5 * busy)},
		{"TRACKER", "MB", func(s *Sample) float64 { return s.RecordBytes / megabyte }, flat(4)},
		{"TRACKER_STARTS, messages", "", func(s *Sample) float64 { return s.StartMessages }, flat(5 * busy)},
	}
	if embedded {
		all = append(all,
			series{"server, store on disk", "MB", func(s *Sample) float64 { return s.DiskBytes / megabyte }, flat(32)},
			series{"server, resident", "MB", func(s *Sample) float64 { return s.ServerRSS / megabyte }, flat(32)},
			series{"server, goroutines", "", func(s *Sample) float64 { return s.ServerGoroutines }, flat(20)},
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
	if f.Rule = s.must.be; f.Rule == Bounded {
		f.Limit = s.must.by
		f.Held = max(f.First, f.Last) <= f.Limit
		return f
	}
	f.Limit = f.First*(1+tolerance) + s.must.by
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

package soak

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var plan = Plan{
	Trackers: 1000, For: time.Minute, Churn: 10, Retention: 10 * time.Second, BlockTime: time.Second, Tolerance: 0.1, Sample: time.Second,
	Prefix: "soak_test",
}

func TestPlan_namesWhatIsWrong(t *testing.T) {
	if err := plan.Validate(); err != nil {
		t.Errorf("%+v: %v", plan, err)
	}
	for _, change := range []func(*Plan){
		func(p *Plan) { p.Trackers = MinTrackers - 1 },
		func(p *Plan) { p.Trackers = MaxTrackers + 1 },
		func(p *Plan) { p.Churn = 0 },
		func(p *Plan) { p.Crashes = -1 },
		func(p *Plan) { p.Lookups = -1 },
		func(p *Plan) { p.Retention = time.Second / 2 },
		func(p *Plan) { p.BlockTime = 0 },
		func(p *Plan) { p.Sample = time.Microsecond },
		func(p *Plan) { p.Churn = 101 }, // their life is shorter than ten blocks
		func(p *Plan) { p.Tolerance = -0.1 },
		func(p *Plan) { p.For = 25 * time.Second }, // 20 s of which are for warming up
	} {
		bad := plan
		if change(&bad); bad.Validate() == nil {
			t.Errorf("%+v is good", bad)
		}
	}
}

func TestPace_isKeptOverUnevenBeats(t *testing.T) {
	now := time.Unix(0, 0)
	p, done := pace{rate: 2.5, last: now}, 0
	for _, d := range []time.Duration{100, 0, 350, 1550, 2000} {
		now = now.Add(d * time.Millisecond)
		done += p.due(now)
	}
	if done != 10 {
		t.Errorf("%d done in 4 s at 2.5 a second", done)
	}
	if n := p.due(now.Add(time.Hour)); n != 25 {
		t.Errorf("%d due after an hour of doing nothing, want those of 10 s", n)
	}
}

// samplesOf returns a sample a second, whose resident memory is values, in MB.
func samplesOf(values ...float64) []Sample {
	all := make([]Sample, len(values))
	for i, v := range values {
		all[i] = Sample{Seconds: float64(i), WorkerRSS: v * megabyte}
	}
	return all
}

func TestJudge_holdsLastThirdAgainstFirst(t *testing.T) {
	resident := allSeries(100, false)[0]
	resident.must = flat(5)
	for _, tt := range []struct {
		name        string
		samples     []Sample
		first, last float64
		held        bool
	}{
		{"flat, with peaks", samplesOf(100, 900, 100, 500, 500, 500, 101, 900, 101), 100, 101, true},
		{"just within", samplesOf(100, 100, 100, 110, 110, 110, 115, 115, 115), 100, 115, true},
		{"just beyond", samplesOf(100, 100, 100, 110, 110, 110, 116, 116, 116), 100, 116, false},
		{"falling", samplesOf(100, 100, 100, 50, 50, 50, 20, 20, 20), 100, 20, true},
		{"from nothing", samplesOf(0, 0, 0, 3, 3, 3, 6, 6, 6), 0, 6, false},
	} {
		f := resident.judge(tt.samples, 0.1)
		if f.First != tt.first || f.Last != tt.last || f.Held != tt.held {
			t.Errorf("%s: %+v", tt.name, f)
		}
	}
	if f := resident.judge(samplesOf(1, 2, 9, 4, 5, 6), 0.1); f.Highest != 9 {
		t.Errorf("highest of all is %v", f.Highest)
	}
}

// TestJudge_holdsLagsAgainstABound: times are no flatter than the machine, but must not be long either.
func TestJudge_holdsLagsAgainstABound(t *testing.T) {
	lags := 0
	for _, s := range allSeries(100, true) {
		if s.name != "journal, commit of a batch" && s.name != "event, from decision to reader" {
			if f := s.judge(make([]Sample, 6), 0.1); f.Rule != Flat {
				t.Errorf("%s: %+v", s.name, f)
			}
			continue
		}
		lags++
		for _, tt := range []struct {
			name        string
			first, last float64
			held        bool
		}{
			{"ten times as long", 20, 200, true},
			{"just within", 1000, 1000, true},
			{"too long at last", 20, 1001, false},
			{"too long at first", 1001, 20, false},
		} {
			samples := make([]Sample, 6)
			for i := range samples {
				v := tt.first
				if i >= 3 {
					v = tt.last
				}
				samples[i] = Sample{JournalCommitMS: v, EventLagMS: v}
			}
			if f := s.judge(samples, 0.1); f.Rule != Bounded || f.Limit != 1000 || f.First != tt.first || f.Last != tt.last || f.Held != tt.held {
				t.Errorf("%s, %s: %+v", s.name, tt.name, f)
			}
		}
	}
	if lags != 2 {
		t.Errorf("%d figures are bounded", lags)
	}
}

func TestThin_keepsTheLast(t *testing.T) {
	all := make([]Sample, 361)
	for i := range all {
		all[i].Seconds = float64(i)
	}
	few := thin(all, 120)
	if len(few) != 120 || few[119].Seconds != 360 || few[0].Seconds < 2 || few[1].Seconds-few[0].Seconds > 4 {
		t.Errorf("%d samples from %v to %v", len(few), few[0].Seconds, few[len(few)-1].Seconds)
	}
	if got := thin(all[:100], 120); len(got) != 100 {
		t.Errorf("%d of 100 samples are left", len(got))
	}
}

func TestDiskBytes_countsAllFiles(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "a", "b"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"x", "a/y", "a/b/z"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(strings.Repeat("x", 100)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if n, err := diskBytes(dir); n != 300 || err != nil {
		t.Errorf("%v bytes, %v", n, err)
	}
	if n, err := diskBytes(filepath.Join(dir, "gone")); n != 0 || err != nil {
		t.Errorf("%v bytes of a folder that is gone, %v", n, err)
	}
}

// TestResult_isNoneWithoutEnoughSamples: of one or two nothing can be said, and least of all that it was held.
func TestResult_isNoneWithoutEnoughSamples(t *testing.T) {
	for n := range leastSamples + 1 {
		s := &soak{Soak: Soak{Plan: plan}, ledger: &ledger{plan: plan}}
		for i := range n {
			s.samples = append(s.samples, Sample{Seconds: 21 + 20*float64(i), Trackers: 1000, StartsPerSecond: 10})
		}
		_, err := s.result()
		if enough := n >= leastSamples; (err == nil) != enough {
			t.Errorf("%d samples: %v", n, err)
		}
	}
}

func TestResult_holdsWithoutLookupsThatNobodyWants(t *testing.T) {
	s := &soak{Soak: Soak{Plan: plan}, ledger: &ledger{plan: plan}}
	for i := range 30 {
		s.samples = append(s.samples, Sample{Seconds: 21 + float64(i), Trackers: 1000, StartsPerSecond: 10})
	}
	for _, lookups := range []float64{0, 1} {
		s.Plan.Lookups = lookups
		r, err := s.result()
		if err != nil {
			t.Fatal(err)
		}
		if r.Held != (lookups == 0) {
			t.Errorf("%v lookups a second wanted, none made: %+v", lookups, r.Promises)
		}
	}
}

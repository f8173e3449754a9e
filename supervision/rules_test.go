package supervision

import (
	"errors"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// drawTimes draws crashes in order of time.
func drawTimes(t *rapid.T) []time.Time {
	at := epoch
	times := make([]time.Time, rapid.IntRange(1, 40).Draw(t, "n"))
	for i := range times {
		at = at.Add(time.Duration(rapid.Int64Range(0, int64(90*time.Second)).Draw(t, "gap")))
		times[i] = at
	}
	return times
}

func TestIntensityIsACountInAWindow(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		times := drawTimes(t)
		now := times[len(times)-1]
		i := Intensity{
			MaxRestarts: rapid.IntRange(-1, 10).Draw(t, "max"),
			Period:      time.Duration(rapid.Int64Range(0, int64(5*time.Minute)).Draw(t, "period")),
		}
		allowed, period := i.MaxRestarts, i.Period
		if allowed == 0 {
			allowed = 5
		}
		if period == 0 {
			period = time.Minute
		}
		recent := 0
		for _, at := range times {
			if at.After(now.Add(-period)) {
				recent++
			}
		}
		if got, want := i.Exceeded(times, now), recent > max(allowed, 0); got != want {
			t.Fatalf("Exceeded = %v with %d recent of %d allowed", got, recent, allowed)
		}
		if i.Exceeded(times, now) && !i.Exceeded(append([]time.Time{epoch}, times...), now) {
			t.Fatal("an older crash more makes it well again")
		}
		if i.MaxRestarts >= 0 && i.Exceeded(times, now.Add(period)) {
			t.Fatal("still exceeded a period later")
		}
		kept := times[max(0, len(times)-memory(i)):]
		if i.Exceeded(kept, now) != i.Exceeded(times, now) {
			t.Fatal("what is remembered is too little")
		}
	})
}

func TestBackoffIsBoundedAndGrows(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := Backoff{
			Base:   time.Duration(rapid.Int64Range(1, int64(time.Second)).Draw(t, "base")),
			Factor: rapid.Float64Range(1, 10).Draw(t, "factor"),
			Cap:    time.Duration(rapid.Int64Range(int64(time.Second), int64(time.Hour)).Draw(t, "cap")),
		}
		attempt := rapid.IntRange(1, 10_000).Draw(t, "attempt")
		random := rapid.Float64Range(0, 0.999).Draw(t, "random")
		ceiling := b.Ceiling(attempt)
		if ceiling <= 0 || ceiling > b.Cap {
			t.Fatalf("ceiling %v outside (0, %v]", ceiling, b.Cap)
		}
		if next := b.Ceiling(attempt + 1); next < ceiling {
			t.Fatalf("ceiling falls from %v to %v", ceiling, next)
		}
		if d := b.Delay(attempt, random); d < 0 || d >= ceiling && ceiling > 1 {
			t.Fatalf("delay %v outside [0, %v)", d, ceiling)
		}
	})
}

func TestAttemptCountsTheRow(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		times := drawTimes(t)
		b := Backoff{}
		got := b.Attempt(times)
		if len(times) > 1 {
			last, before := times[len(times)-1], times[:len(times)-1]
			want := 1
			if last.Sub(before[len(before)-1]) < time.Minute {
				want = b.Attempt(before) + 1
			}
			if got != want {
				t.Fatalf("Attempt = %d, want %d", got, want)
			}
		} else if got != 1 {
			t.Fatalf("first Attempt = %d", got)
		}
	})
}

// TestAttemptLooksNoFurtherThanARow, so that a crash costs the same however many restarts the intensity allows.
func TestAttemptLooksNoFurtherThanARow(t *testing.T) {
	if got := (Backoff{}).Attempt(make([]time.Time, 10*longestRow)); got != longestRow {
		t.Errorf("Attempt = %d, want %d", got, longestRow)
	}
}

func TestBackoffTable(t *testing.T) {
	for attempt, want := range map[int]time.Duration{
		1: 100 * time.Millisecond, 2: 200 * time.Millisecond, 5: 1600 * time.Millisecond, 9: 25600 * time.Millisecond,
		10: 30 * time.Second, 1 << 30: 30 * time.Second,
	} {
		if got := (Backoff{}).Ceiling(attempt); got != want {
			t.Errorf("Ceiling(%d) = %v, want %v", attempt, got, want)
		}
	}
	if got := (Backoff{Base: -1}).Delay(5, 0.9); got != 0 {
		t.Errorf("a negative base delays %v", got)
	}
}

// TestBudgetNeverLetsMoreThrough: in no span do more restarts happen than the burst and the rate allow.
func TestBudgetNeverLetsMoreThrough(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := RestartBudget{Restarts: rapid.IntRange(1, 20).Draw(t, "restarts"), Period: time.Second}
		p := newPace(b)
		now := epoch
		var turns []time.Time
		for range rapid.IntRange(1, 200).Draw(t, "n") {
			now = now.Add(time.Duration(rapid.Int64Range(0, int64(200*time.Millisecond)).Draw(t, "gap")))
			turns = append(turns, now.Add(p.reserve(now)))
		}
		for i, from := range turns {
			inSpan := 0
			for _, at := range turns[i:] {
				if at.Sub(from) < b.Period {
					inSpan++
				}
			}
			if inSpan > 2*b.Restarts {
				t.Fatalf("%d restarts in a second, budget %d", inSpan, b.Restarts)
			}
		}
		if idle := now.Add(time.Hour); p.reserve(idle) != 0 {
			t.Fatal("waits after an idle hour")
		}
	})
}

func TestBudgetDefaultsAndNone(t *testing.T) {
	none := newPace(RestartBudget{Restarts: -1})
	standard := newPace(RestartBudget{})
	for i := range 2 * defaultBudget {
		if wait := none.reserve(epoch); wait != 0 {
			t.Fatalf("no limit, but waits %v", wait)
		}
		if wait := standard.reserve(epoch); (wait > 0) != (i >= defaultBudget) {
			t.Fatalf("restart %d waits %v", i, wait)
		}
	}
}

func TestOnPurpose(t *testing.T) {
	for _, reason := range []error{ErrNormal, ErrShutdown, errors.Join(ErrShutdown)} {
		if !onPurpose(reason) {
			t.Errorf("%v is a crash", reason)
		}
	}
	for _, reason := range []error{ErrKilled, ErrInitTimeout, ErrShutdownTimeout, &PanicError{Value: ErrNormal}, errors.New("x")} {
		if onPurpose(reason) {
			t.Errorf("%v is no crash", reason)
		}
	}
}

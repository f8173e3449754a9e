package httppoll

import (
	"fmt"
	"math"
	"net/http"
	"slices"
	"testing"
	"time"
)

// steady is the usual profile with intervals that can be reckoned with: so little jitter that it is none.
func steady() Config {
	cfg := usual()
	cfg.Jitter = math.SmallestNonzeroFloat64
	return cfg
}

func TestLooksComeAtTheIntervalsAndBeginAnewWithAChange(t *testing.T) {
	bubble(t, steady(), func(r *rig) {
		r.api.set("pay_1", "processing")
		w := r.watch("pay_1")
		r.passes(0)
		r.wantCalls(1)
		w.want("pending processing")
		for _, interval := range []time.Duration{5 * time.Second, 10 * time.Second, 30 * time.Second, time.Minute, 5 * time.Minute, 15 * time.Minute, 15 * time.Minute} {
			r.passes(interval - time.Millisecond)
			r.wantCalls(0)
			r.passes(time.Millisecond)
			r.wantCalls(1)
		}
		w.want()
		r.api.set("pay_1", "succeeded")
		r.passes(15 * time.Minute)
		w.want("confirmed succeeded")
		r.wantCalls(1)
		r.passes(15 * time.Minute)
		r.wantCalls(1)
		w.want()
		w.Refresh() // as a tracker does that has crashed on it
		r.passes(0)
		w.want("confirmed succeeded")
		w.Close()
		r.api.take()
		r.passes(time.Hour)
		r.wantCalls(0)
	})
}

func TestJitterSpreadsLooks(t *testing.T) {
	cfg := usual()
	cfg.Rate = 10_000
	bubble(t, cfg, func(r *rig) {
		for i := range 200 {
			r.api.set(fmt.Sprint(i), "processing")
			r.watch(fmt.Sprint(i))
		}
		r.passes(time.Second)
		r.wantCalls(200)
		r.passes(2999 * time.Millisecond) // 5 s less a fifth is 4 s
		r.wantCalls(0)
		r.passes(time.Second + time.Millisecond)
		if early := r.api.take(); early < 50 || early > 150 {
			t.Errorf("%d of 200 in the first half", early)
		}
		r.passes(time.Second + 100*time.Millisecond)
	})
}

func TestRateAndConcurrencyAreKept(t *testing.T) {
	cfg := steady()
	cfg.Rate, cfg.Concurrency = 5, 3
	bubble(t, cfg, func(r *rig) {
		r.api.misbehave(func(http.ResponseWriter, *http.Request) bool {
			takes(2 * time.Second)
			return false
		})
		for i := range 20 {
			r.watch(fmt.Sprint(i))
		}
		r.passes(9 * time.Second)
		if got := r.api.take(); got > 15 || got < 13 {
			t.Errorf("%d requests of 2 s each in 10 s, three at a time", got)
		}
		r.api.misbehave(nil)
		r.passes(2 * time.Second)
		r.api.take()
		r.passes(time.Second)
		if got := r.api.take(); got > 6 {
			t.Errorf("%d requests in a second, 5 are allowed", got)
		}
		if r.api.most > 3 {
			t.Errorf("%d requests at one time", r.api.most)
		}
	})
}

func TestRefreshJumpsTheQueueWithinTheRate(t *testing.T) {
	cfg := steady()
	cfg.Rate, cfg.Concurrency = 1, 1
	bubble(t, cfg, func(r *rig) {
		var ws []*watching
		for i := range 20 {
			ws = append(ws, r.watch(fmt.Sprint(i)))
			r.passes(time.Millisecond)
		}
		r.passes(2500 * time.Millisecond)
		r.api.asked()
		ws[19].Refresh()
		ws[18].Refresh()
		ws[19].Refresh()
		r.passes(time.Second)
		if got := r.api.asked(); !slices.Equal(got, []string{"/v1/payments/19"}) {
			t.Errorf("asked for %v, want 19 at once", got)
		}
		r.passes(2 * time.Second)
		if got := r.api.asked(); !slices.Equal(got, []string{"/v1/payments/18", "/v1/payments/3"}) {
			t.Errorf("asked for %v, want 18 and then whose turn it was", got)
		}
	})
}

func TestARefreshIsAnsweredThoughNothingHasChanged(t *testing.T) {
	bubble(t, steady(), func(r *rig) {
		r.api.set("pay_1", "processing")
		w := r.watch("pay_1")
		r.passes(0)
		w.want("pending processing")
		r.passes(5 * time.Second)
		w.want()
		w.Refresh()
		r.passes(0)
		w.want("pending processing")
		r.passes(10 * time.Second) // it came out of turn and leaves the intervals as they are
		r.wantCalls(4)
	})
}

func TestALookupTellsTheLastCheckAndTheNext(t *testing.T) {
	bubble(t, steady(), func(r *rig) {
		begun := time.Now()
		w := r.watch("pay_1")
		if c := w.Checks(); !c.Last.IsZero() || !c.Next.Equal(begun) {
			t.Errorf("before the first look: %+v", c)
		}
		r.passes(time.Second)
		if c := w.Checks(); !c.Last.Equal(begun) || !c.Next.Equal(begun.Add(5*time.Second)) {
			t.Errorf("after the first look at %v: %+v", begun, c)
		}
		r.api.misbehave(answers(http.StatusTooManyRequests, "Retry-After", "600"))
		r.passes(4 * time.Second)
		if c := w.Checks(); !c.Last.Equal(begun) || !c.Next.Equal(begun.Add(605*time.Second)) {
			t.Errorf("in a pause of ten minutes: %+v", c)
		}
		w.Close()
	})
}

// TestCallsPerHour logs what an hour costs; of a transaction that nothing happens to, and of a thousand in one list.
func TestCallsPerHour(t *testing.T) {
	bubble(t, steady(), func(r *rig) {
		for i := range 10 {
			r.api.set(fmt.Sprint(i), "processing")
			r.watch(fmt.Sprint(i))
		}
		r.passes(time.Hour)
		calls := r.api.take()
		t.Logf("%d calls in the first hour of 10 transactions", calls)
		r.passes(time.Hour)
		t.Logf("%d calls in the second", r.api.take())
		if calls != 10*9 {
			t.Errorf("%d calls for 10 transactions, want 9 each", calls)
		}
	})
	bubble(t, listed(), func(r *rig) {
		r.meanwhile(func() {
			for i := range 1000 {
				r.api.set(fmt.Sprint(i), "processing")
				r.watch(fmt.Sprint(i))
			}
		})
		r.passes(time.Hour)
		calls := r.api.take()
		t.Logf("%d calls in the first hour of a list of 1000 transactions", calls)
		if calls > 10 {
			t.Errorf("%d calls for one list", calls)
		}
	})
}

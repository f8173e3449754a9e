package polled

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"trackerfleet/workers/source"
)

func TestAsksEveryPollUntilTheEnd(t *testing.T) {
	bubble(t, Config{Poll: 4 * time.Second, Gap: time.Second}, func(r *rig) {
		w := r.watch("a")
		r.passes(5 * time.Second)
		r.wantAsked("0s:a 4s:a")
		w.want("absent", "absent")
		r.set("a", State{Status: "wait"})
		r.passes(8 * time.Second)
		w.want("pending")
		r.set("a", State{Status: "done", End: source.EndConfirmed})
		r.passes(4 * time.Second)
		w.want(fmt.Sprintf("settled %d done", source.EndConfirmed))
		r.wantAsked("8s:a 12s:a 16s:a")
		r.passes(time.Hour)
		r.wantAsked("")
		again := r.watch("a")
		w.Refresh()
		r.passes(0)
		w.want(fmt.Sprintf("settled %d done", source.EndConfirmed))
		again.want(fmt.Sprintf("settled %d done", source.EndConfirmed))
	})
}

func TestNewOnesShareACallAndComeAtOnce(t *testing.T) {
	bubble(t, Config{Poll: 10 * time.Second, Gap: time.Second}, func(r *rig) {
		r.watch("a")
		r.passes(100 * time.Millisecond)
		r.watch("b")
		r.watch("c")
		r.watch("b")
		r.passes(2 * time.Second)
		r.wantAsked("0s:a 1s:b,c")
	})
}

func TestTheOldestLookComesFirst(t *testing.T) {
	bubble(t, Config{Poll: 10 * time.Second, Gap: time.Second, Batch: 2}, func(r *rig) {
		for _, id := range []string{"a", "b", "c", "d"} {
			r.watch(id)
		}
		a := r.watch("a")
		r.passes(5 * time.Second)
		r.wantAsked("0s:a,b 1s:c,d")
		a.Refresh()
		r.passes(8 * time.Second)
		r.wantAsked("5s:a 10s:b 11s:c,d")
	})
}

func TestWhatIsUrgentDoesNotStarveWhatIsDue(t *testing.T) {
	bubble(t, Config{Poll: time.Second, Gap: time.Second, Batch: 2}, func(r *rig) {
		r.watch("old")
		for i := range 5 {
			r.watch(fmt.Sprint(i))
		}
		r.passes(2 * time.Second)
		r.wantAsked("0s:old,0 1s:1,old 2s:2,0")
	})
}

func TestNobodyAsksForWhatIsNotWatched(t *testing.T) {
	bubble(t, Config{Poll: 10 * time.Second, Gap: time.Second}, func(r *rig) {
		waiting := r.watch("waiting")
		r.passes(time.Second)
		waiting.Close()
		r.delay = 3 * time.Second
		answered := r.watch("answered")
		r.passes(time.Second)
		answered.Close() // while it is asked for
		r.passes(3 * time.Second)
		r.fail(errors.New("no such table"))
		failed := r.watch("failed")
		r.passes(time.Second)
		failed.Close()
		r.passes(3 * time.Second)
		r.fail(nil)
		r.watch("closed at once").Close()
		r.wantAsked("0s:waiting 1s:answered 5s:failed")
		r.passes(time.Hour)
		r.wantAsked("")
		if h := r.src.Health(); h.Watched != 0 || len(r.src.rows) != 0 || r.src.turn.first != nil || r.src.urgent.first != nil {
			t.Errorf("health %+v, %d rows", h, len(r.src.rows))
		}
		answered.want()
	})
}

func TestAnAnswerIsNoneToWhatCameWhileItWasAskedFor(t *testing.T) {
	bubble(t, Config{Poll: time.Minute, Gap: time.Second}, func(r *rig) {
		r.delay = 5 * time.Second
		first := r.watch("a")
		r.passes(time.Second)
		late := r.watch("a")
		r.set("a", State{End: source.EndFailed, Status: "x"}) // after it was asked for
		r.passes(4 * time.Second)
		first.want("absent")
		late.want()
		r.passes(5 * time.Second)
		first.want(fmt.Sprintf("settled %d x", source.EndFailed))
		late.want(fmt.Sprintf("settled %d x", source.EndFailed))
		r.wantAsked("0s:a 5s:a")
	})
}

func TestAnErrorDecidesNothingAndIsTriedAgainMoreAndMoreSeldom(t *testing.T) {
	bubble(t, Config{Name: "ledger", Poll: 8 * time.Second, Gap: time.Second}, func(r *rig) {
		w := r.watch("a")
		r.fail(errors.New("no such table"))
		r.passes(32 * time.Second)
		w.want()
		r.wantAsked("0s:a 1s:a 3s:a 7s:a 15s:a 23s:a 31s:a")
		h := r.src.Health()
		if !h.Degraded || h.Error != "no such table" || h.Endpoints[0].Healthy || h.Endpoints[0].Name != "ledger" || h.Calls["ask"] != 7 {
			t.Errorf("health %+v", h)
		}
		if c := w.Checks(); c.Waiting != "an answer of ledger" || c.Next.Sub(r.begin) != 39*time.Second {
			t.Errorf("checks %+v", c)
		}
		r.fail(nil)
		r.passes(7 * time.Second)
		w.want("absent")
		if h := r.src.Health(); h.Degraded || h.Error == "" || !h.Endpoints[0].Healthy {
			t.Errorf("health %+v", h)
		}
		if c := w.Checks(); c.Waiting != "" || c.Last.Sub(r.begin) != 39*time.Second || c.Next.Sub(r.begin) != 47*time.Second {
			t.Errorf("checks %+v", c)
		}
	})
}

func TestCallsThatFailAreNoCloserThanTheGap(t *testing.T) {
	bubble(t, Config{Poll: 5 * time.Second, Gap: 10 * time.Second}, func(r *rig) {
		r.watch("a")
		r.fail(errors.New("no such table"))
		r.passes(35 * time.Second)
		r.wantAsked("0s:a 10s:a 20s:a 30s:a")
	})
}

func TestACallThatTakesTooLongIsAnError(t *testing.T) {
	bubble(t, Config{Timeout: 3 * time.Second}, func(r *rig) {
		r.delay = time.Hour
		w := r.watch("a")
		r.passes(3 * time.Second)
		w.want()
		if h := r.src.Health(); !h.Degraded || h.Error != "outside did not answer within 3s" {
			t.Errorf("health %+v", h)
		}
	})
}

func TestAnImpossibleEndIsAnError(t *testing.T) {
	bubble(t, Config{}, func(r *rig) {
		r.set("a", State{End: 99})
		w := r.watch("a")
		r.passes(0)
		w.want()
		if h := r.src.Health(); !h.Degraded || !strings.Contains(h.Error, "which is no end") {
			t.Errorf("health %+v", h)
		}
	})
}

func TestWhatWasStoppedIsAskedForAgain(t *testing.T) {
	bubble(t, Config{Poll: time.Minute}, func(r *rig) {
		r.delay = 5 * time.Second
		w := r.watch("a")
		r.passes(time.Second)
		r.stop()
		if h := r.src.Health(); h.Degraded {
			t.Errorf("health %+v", h)
		}
		r.start()
		r.passes(5 * time.Second)
		w.want("absent")
	})
}

func TestASecondRunIsRefused(t *testing.T) {
	bubble(t, Config{}, func(r *rig) {
		r.passes(0)
		if err := r.src.Run(context.Background()); !errors.Is(err, ErrRunning) {
			t.Errorf("Run returned %v", err)
		}
	})
}

// wreck is an observer that panics once.
type wreck struct{ done bool }

func (w *wreck) Observe(source.Observation) {
	if !w.done {
		w.done = true
		panic("woowoo")
	}
}

func TestAPanicOfAnObserverLosesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &rig{T: t, outside: newOutside(), begin: time.Now()}
		src, err := New(Config{Ask: r.ask, Poll: time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		r.src = src
		target, err := src.Parse("bad", nil)
		if err != nil {
			t.Fatal(err)
		}
		good := r.watch("good")
		bad := &wreck{}
		src.Watch(target, source.Hint{}, bad)
		other := r.watch("other")
		func() {
			defer func() {
				if recover() == nil {
					t.Error("Run swallowed the panic")
				}
			}()
			_ = src.Run(t.Context())
		}()
		good.want("absent")
		other.want()
		r.start()
		r.passes(time.Second)
		r.stop()
		good.want()
		other.want("absent")
		r.wantAsked("0s:good,bad,other 100ms:bad,other")
	})
}

func TestDiagnose(t *testing.T) {
	bubble(t, Config{Name: "ledger", Timeout: time.Second}, func(r *rig) {
		if f := r.src.Diagnose(r.Context()); len(f) != 1 || f[0].Severity != source.OK || f[0].Subject != "ledger" {
			t.Errorf("found %+v", f)
		}
		r.fail(errors.New("no such table"))
		if f := r.src.Diagnose(r.Context()); f[0].Severity != source.Faulty || f[0].Message != "no such table" {
			t.Errorf("found %+v", f)
		}
		r.fail(nil)
		r.delay = time.Minute
		if f := r.src.Diagnose(r.Context()); f[0].Severity != source.Faulty || f[0].Message != "does not answer within 1s" {
			t.Errorf("found %+v", f)
		}
	})
}

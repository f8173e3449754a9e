package httppoll

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"trackerfleet/workers/source"
)

// wreck is an observer that panics once.
type wreck struct{ done bool }

func (w *wreck) Observe(source.Observation) {
	if !w.done {
		w.done = true
		panic("woowoo")
	}
}

func TestAPanicOfAnObserverEndsRunAndNothingElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &rig{T: t, api: newAPI()}
		cfg := steady()
		cfg.Transport = direct{r.api}
		r.src = mustNew(t, cfg)
		target, err := r.src.Parse("bad", json.RawMessage(`{"id":"bad"}`))
		if err != nil {
			t.Fatal(err)
		}
		observer := &wreck{}
		r.src.Watch(target, source.Hint{}, observer)
		if err := r.src.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "woowoo") {
			t.Fatalf("Run returned %v", err)
		}
		r.start()
		w := r.watch("good")
		r.passes(time.Second)
		w.want("absent")
		r.stop()
		if got := r.api.asked(); len(got) != 3 || r.src.flying != 0 {
			t.Errorf("asked for %v, %d under way", got, r.src.flying)
		}
	})
}

func TestASecondRunIsRefused(t *testing.T) {
	bubble(t, steady(), func(r *rig) {
		r.passes(0)
		if err := r.src.Run(context.Background()); !errors.Is(err, ErrRunning) {
			t.Errorf("Run returned %v, want ErrRunning", err)
		}
		w := r.watch("pay_1")
		r.passes(0)
		w.want("absent")
	})
}

// What was under way when Run ended is asked for again, and was not believed.
func TestWhatWasUnderWayWhenRunEndedIsAskedForAgain(t *testing.T) {
	bubble(t, steady(), func(r *rig) {
		r.api.misbehave(hangs)
		w := r.watch("pay_1")
		r.passes(time.Second)
		r.meanwhile(func() { r.api.misbehave(nil) })
		r.passes(0)
		w.want("absent")
		if h := r.wantDegraded(false); h.Error != "" {
			t.Errorf("its end was taken for trouble: %s", h.Error)
		}
	})
}

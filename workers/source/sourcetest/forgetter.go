package sourcetest

import (
	"testing"

	"trackerfleet/workers/source"
)

// Forgetter is a [Harness] of an outside that can lose sight of a transaction in no block.
type Forgetter interface {
	Harness

	// Forget has the outside know nothing of tx any more, which was submitted and is in no block.
	Forget(t testing.TB, tx Transaction)
}

func runForgetter(t *testing.T, newHarness func(t *testing.T) Harness) {
	h, ok := newHarness(t).(Forgetter)
	if !ok {
		return
	}
	t.Run("pending, absent, pending again", func(t *testing.T) { pendingAgain(newRig(t, h), h) })
}

func pendingAgain(r *rig, h Forgetter) {
	r.mineEmpty(1)
	w, tx := r.watchNew()
	w.expect(source.Absent)
	for range 2 {
		r.Submit(r, tx)
		w.Refresh()
		w.expect(source.Pending, source.Absent)
		h.Forget(r, tx)
		w.Refresh()
		w.expect(source.Absent, source.Pending)
	}
	w.included(r.Mine(r, tx), true)
}

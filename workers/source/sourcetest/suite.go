package sourcetest

import (
	"context"
	"errors"
	"testing"
	"time"

	"trackerfleet/workers/source"
)

// patience is how long the suite waits for something that must happen.
const patience = 20 * time.Second

// Run checks that the sources of the harness do what every source does, and what those do that see replacements if the
// harness is a [Replacer], or lose sight of transactions if it is a [Forgetter]. Every part gets a harness of its own.
func Run(t *testing.T, newHarness func(t *testing.T) Harness) {
	for _, part := range parts {
		t.Run(part.name, func(t *testing.T) { part.run(newRig(t, newHarness(t))) })
	}
	t.Run("forgotten", func(t *testing.T) { runForgetter(t, newHarness) })
	t.Run("replacement", func(t *testing.T) { runReplacements(t, newHarness) })
}

var parts = []struct {
	name string
	run  func(*rig)
}{
	{"absent then pending then included", absentPendingIncluded},
	{"included without being seen before", includedUnseen},
	{"already included when the watch begins", includedBeforeWatch},
	{"already pending when the watch begins", pendingBeforeWatch},
	{"watched before the source runs", watchedBeforeRun},
	{"reverted", reverted},
	{"several watches of one transaction", severalWatches},
	{"advanced at the asked height", advancedAtHeight},
	{"wake that holds already", wakeHoldsAlready},
	{"wake replaced", wakeReplaced},
	{"wake taken back", wakeTakenBack},
	{"reorged into the same height", reorgedSameHeight},
	{"reorged into another height", reorgedOtherHeight},
	{"reorged out and never back", reorgedNeverBack},
	{"reorged out and back in later", reorgedBackLater},
	{"reorged twice", reorgedTwice},
	{"below the fork nothing happens", belowFork},
	{"missed reorganisation while not running", reorgedWhileStopped},
	{"hint that still holds", hintHolds},
	{"hint of a block that was moved", hintMoved},
	{"hint of a block that is gone", hintGone},
	{"hint of a block that nobody has", hintUnknown},
	{"refresh answers", refreshAnswers},
	{"absent with a head that is up to date", absentUpToDate},
	{"closed watch is silent", closedSilent},
	{"run again after it ended", runAgain},
	{"outage decides nothing", outageDecidesNothing},
	{"checkpoint goes up", checkpointGoesUp},
	{"checks are told", checksTold},
	{"a diagnosis is told", func(r *rig) { diagnosisTold(r, func(on bool) { r.SetOutage(r, on) }) }},
	{"calls do not depend on the number of watches", callsIndependent},
	{"used from many goroutines", manyGoroutines},
	{"params that cannot be understood", badParams},
}

// rig is one source that runs against one outside.
type rig struct {
	*testing.T
	Harness   // of a chain; nil: the outside is a provider
	newSource func(testing.TB) source.Source
	ctx       context.Context
	src       source.Source
	stop      func() // ends Run and waits for it
}

// newRig returns a rig whose source runs.
func newRig(t *testing.T, h Harness) *rig {
	r := runningRig(t, h.NewSource)
	r.Harness = h
	return r
}

func runningRig(t *testing.T, newSource func(testing.TB) source.Source) *rig {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 3*patience) // Run outlives the test by its clean-up
	t.Cleanup(cancel)
	r := &rig{T: t, newSource: newSource, ctx: ctx, src: newSource(t)}
	r.start()
	return r
}

var errStopped = errors.New("sourcetest: stopped")

// start runs the source until stop or the end of the test.
func (r *rig) start() {
	ctx, cancel := context.WithCancelCause(r.ctx)
	ended := make(chan error, 1)
	src := r.src
	go func() { ended <- src.Run(ctx) }()
	stopped := false
	r.stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel(errStopped)
		if err := <-ended; !errors.Is(err, errStopped) {
			r.Errorf("Run returned %v, want the cause of its context, %v", err, errStopped)
		}
	}
	r.Cleanup(r.stop)
}

// another replaces the source by a new one of the same outside, as when another worker takes over.
func (r *rig) another() {
	r.stop()
	r.src = r.newSource(r)
	r.start()
}

// watch watches tx for a new watcher.
func (r *rig) watch(tx Transaction, hint source.Hint) *watcher {
	r.Helper()
	target, err := r.src.Parse(tx.ID, tx.Params)
	if err != nil {
		r.Fatalf("Parse(%s, %s): %v", tx.ID, tx.Params, err)
	}
	w := newWatcher(r, tx.ID)
	w.Handle = r.src.Watch(target, hint, w)
	r.Cleanup(w.Close)
	return w
}

// mineEmpty mines n empty blocks and returns the last one.
func (r *rig) mineEmpty(n int) (last source.BlockRef) {
	for range n {
		last = r.Mine(r)
	}
	return last
}

// until waits for cond to hold. The interface tells nobody when a checkpoint or the health changes, so it is asked.
func (r *rig) until(what string, cond func() bool) {
	r.Helper()
	ctx, cancel := context.WithTimeout(r.ctx, patience)
	defer cancel()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !cond() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			r.Fatalf("never: %s; health %+v, checkpoint %+v", what, r.src.Health(), r.src.Checkpoint())
		}
	}
}

// settle waits until the source has handed over everything up to the block.
func (r *rig) settle(b source.BlockRef) {
	r.Helper()
	r.until("checkpoint at block", func() bool {
		c := r.src.Checkpoint()
		return c.Height > b.Number || c.Height == b.Number && (c.Hash == "" || c.Hash == b.Hash)
	})
}

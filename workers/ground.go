package workers

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"trackerfleet/bus"
)

// footing is on which stream TRACKER this worker stands: the one in which everything that it holds is written, and what is
// known of the one that is there now. Its trackers live on while the two differ; nothing is decided then.
type footing struct {
	shaken atomic.Bool // the stream that there is is not the one on which the worker stands

	mu      sync.Mutex
	stands  bus.Ground // zero before the first claim
	seen    bus.Ground // by the newest look; zero: none yet
	claimed time.Time  // when the stream was made in which everything that is held is claimed
	missing bool       // there was no stream at the newest look
	doubted bool       // something has shown that the stream is another one; the next round looks again
	useless bool       // the stream that there is can never be stood on
}

// saw notes what a look has shown. It reports whether that is something new.
func (f *footing) saw(g bus.Ground) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	changed := f.missing || !f.seen.Is(g)
	f.missing, f.doubted, f.seen = false, false, g
	if f.stands.Is(g) {
		f.stands.Last = max(f.stands.Last, g.Last)
	} else if !f.stands.Created.IsZero() {
		f.shaken.Store(true)
	}
	return changed
}

// lost notes that there is no stream. It reports whether that is something new.
func (f *footing) lost() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	changed := !f.missing
	f.missing = true
	return changed
}

// doubt has the next round look before it believes anything.
func (f *footing) doubt() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.doubted = true
}

// unsure reports whether a round must look first.
func (f *footing) unsure() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.doubted || f.seen.Created.IsZero()
}

// look returns the stream that there is, the one that the worker stands on, and whether there is none now.
func (f *footing) look() (seen, stands bus.Ground, missing bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.seen, f.stands, f.missing
}

// claim notes that everything that is held is claimed in g.
func (f *footing) claim(g bus.Ground) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.claimed = g.Created
}

// claims returns when the stream was made in which everything that is held is claimed.
func (f *footing) claims() time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.claimed
}

// settle notes that everything that is held is written in g.
func (f *footing) settle(g bus.Ground) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.stands, f.claimed = g, g.Created
	f.shaken.Store(!f.seen.Is(g))
}

// giveUp notes that the stream that there is can never be stood on.
func (f *footing) giveUp() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.useless = true
}

// trouble returns why nothing can be decided, and what is to be done about it; nil: all is well.
func (f *footing) trouble() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.stands.Created.IsZero():
		return nil
	case f.useless:
		return errAnew
	case f.missing:
		return &bus.MissingError{Stream: bus.StreamTracker}
	case f.shaken.Load():
		return errMoving
	}
	return nil
}

// lookDown reads which stream there is.
func (w *Worker) lookDown(ctx context.Context) error {
	g, err := bus.ReadGround(ctx, w.js)
	var missing *bus.MissingError
	switch {
	case errors.As(err, &missing):
		if w.ground.lost() {
			w.log.Error("stream "+bus.StreamTracker+" is missing: what this worker tracks is in its memory only, and nothing is decided",
				zap.Int("trackers", w.trackers.CountChildren().Total()), zap.Error(err))
		}
		return nil
	case err != nil:
		return fmt.Errorf("workers: look at the stream: %w", err)
	}
	if w.ground.saw(g) {
		w.kickOwnership()
	}
	return nil
}

// ofAnother reports whether an owner record may be of another stream than the one that its partition was claimed in here: there is
// none, although they are never deleted, or it was claimed again, perhaps by somebody who had lost the partition before.
func ofAnother(o bus.Owner) bool { return o.Epoch == 0 || o.Before != 0 }

// checkGround fails when one of owners is of another stream than the one in which everything here is claimed, which the next round
// looks at, or when somebody has taken records out of it.
func (w *Worker) checkGround(ctx context.Context, owners []bus.Owner) error {
	for _, o := range owners {
		if !ofAnother(o) {
			continue
		}
		if err := w.lookDown(ctx); err != nil {
			return err
		}
		seen, _, missing := w.ground.look()
		switch {
		case missing || !seen.Created.Equal(w.ground.claims()):
			return errMoving
		case o.Epoch == 0:
			w.fail(errNoOwner)
			return errNoOwner
		}
	}
	return nil
}

// checkPlan fails when partitions that are to be claimed are of another stream than the one in which everything here is claimed.
func (w *Worker) checkPlan(ctx context.Context, plan []bus.Owner) error {
	again := slices.DeleteFunc(slices.Clone(plan), func(o bus.Owner) bool { return o.Before == 0 })
	return w.checkGround(ctx, again)
}

// known returns the stream that this worker stands on with all that is known of sequences that were used.
func (w *Worker) known() bus.Ground {
	seen, g, _ := w.ground.look()
	g.Last = max(g.Last, seen.Last, seen.First)
	for _, p := range w.partitions {
		g.Last = max(g.Last, p.epoch.Load())
	}
	return g
}

// createMissing makes the streams that are missing, where this worker may. TRACKER begins above every sequence that was used
// before, so that no epoch and no revision comes a second time. It returns cause, or why nothing could be made.
func (w *Worker) createMissing(ctx context.Context, cause error) error {
	var missing *bus.MissingError
	if w.cfg.ManageAssets != bus.AssetsCreate || !errors.As(cause, &missing) {
		return cause
	}
	settings := w.cfg.Assets
	settings.FirstSequence = w.known().Next()
	w.log.Error("a stream is missing and is made anew: what it held is lost, but for what workers know",
		zap.String("stream", missing.Stream), zap.Uint64("first_sequence", settings.FirstSequence))
	if err := bus.EnsureAssets(ctx, w.js, bus.AssetsCreate, settings); err != nil {
		return err
	}
	if err := w.lookDown(ctx); err != nil {
		return err
	}
	return cause // once more; the next look finds nothing amiss
}

// provesAbsence returns nil if a record that was not there when it was read is nowhere. served says that this worker was
// serving the partition, in a tenure, before it read. In a stream that was made anew the record may not be written again
// yet, by a worker that holds it in memory; all that a worker holds itself it has written before it answers.
func (w *Worker) provesAbsence(ctx context.Context, part *partition, t tenure, served bool) error {
	if served && part.tenure() == t && w.serves(part.number) {
		return nil
	}
	now, err := bus.ReadGround(ctx, w.js)
	if err != nil {
		return err
	}
	_, stands, _ := w.ground.look()
	known := stands.First == 0 || part.tenure() == t && w.vouches(part.number)
	if known && now.Is(stands) && w.ground.trouble() == nil {
		return nil
	}
	return fmt.Errorf("%w: stream %s was made anew, and the owner of the partition does not answer",
		bus.ErrUnavailable, bus.StreamTracker)
}

// awaitGround waits while this worker's memory is the only place where its trackers are, or until ctx ends: a worker that
// left now would take them along.
func (w *Worker) awaitGround(ctx context.Context) {
	trouble := w.ground.trouble()
	if trouble == nil || errors.Is(trouble, errAnew) || w.workload().Partitions == 0 {
		return
	}
	w.log.Error("cannot leave yet: what this worker tracks is in its memory only", zap.Error(trouble))
	ticker := time.NewTicker(w.cfg.Lease / 30)
	defer ticker.Stop()
	for trouble != nil && !errors.Is(trouble, errAnew) {
		select {
		case <-ticker.C:
			trouble = w.ground.trouble()
		case <-ctx.Done():
			w.log.Error("leaves all the same: what this worker tracked is lost")
			return
		}
	}
}

package sourcetest

import (
	"testing"

	"trackerfleet/workers/source"
)

// Replacer is a [Harness] of an outside where one transaction can take the place of another, as where accounts number theirs. Of
// both, one is in the chain at most, and submitting one may have the outside forget the other.
type Replacer interface {
	Harness

	// Replacement makes a transaction up that takes the place of tx, in the way of kind: speedup, cancel or other. by is what
	// observations call it.
	Replacement(t testing.TB, tx Transaction, kind string) (other Transaction, by string)

	// Named returns tx with params that say all that is needed to see it replaced even if the outside never knew it.
	Named(t testing.TB, tx Transaction) Transaction
}

var replacerParts = []struct {
	name string
	run  func(*replacements)
}{
	{"replaced while pending", replacedPending},
	{"replaced without being seen before", replacedUnseen},
	{"replaced already when the watch begins", replacedBeforeWatch},
	{"replaced while nobody followed", replacedUnfollowed},
	{"replacement advances", replacementAdvances},
	{"replacement reorged into another height", replacementMoves},
	{"replacement reorged out", replacementGone},
	{"replacement reorged, the original included", originalIncluded},
	{"included, then reorged and replaced", includedThenReplaced},
	{"hint of a replacement that still holds", hintReplacementHolds},
	{"hint of a replacement that was moved", hintReplacementMoved},
	{"hint of a replacement that is gone", hintReplacementGone},
}

// runReplacements runs the parts about replacement, if there are replacements.
func runReplacements(t *testing.T, newHarness func(t *testing.T) Harness) {
	if _, ok := newHarness(t).(Replacer); !ok {
		return
	}
	for _, part := range replacerParts {
		t.Run(part.name, func(t *testing.T) {
			h := newHarness(t).(Replacer)
			part.run(&replacements{newRig(t, h), h})
		})
	}
}

// replacements is a rig whose transactions can be replaced.
type replacements struct {
	*rig
	replacer Replacer
}

// replacement is a transaction in the place of another.
type replacement struct {
	Transaction
	by, kind string
}

func (r *replacements) replace(tx Transaction, kind string) replacement {
	other, by := r.replacer.Replacement(r, tx, kind)
	return replacement{other, by, kind}
}

// named returns a new transaction that need not be known to be seen replaced, and its watcher, which was told that it is absent.
func (r *replacements) named() (Transaction, *watcher) {
	r.mineEmpty(1)
	tx := r.replacer.Named(r, r.NewTransaction(r, false))
	w := r.watch(tx, source.Hint{})
	w.expect(source.Absent)
	return tx, w
}

// replaced returns a transaction that was observed to be replaced, its watcher, what replaced it and the block of that.
func (r *replacements) replaced() (Transaction, *watcher, replacement, source.BlockRef) {
	tx, w := r.named()
	other := r.replace(tx, "cancel")
	block := r.Mine(r, other.Transaction)
	w.replaced(other, block)
	return tx, w, other, block
}

// replaced fails the test unless the next observation is that the other transaction is in the block.
func (w *watcher) replaced(other replacement, block source.BlockRef) {
	w.r.Helper()
	w.by(w.expect(source.Replacing, source.Absent, source.Pending), other, block)
}

// by fails the test unless o has the other transaction in the block.
func (w *watcher) by(o source.Observation, other replacement, block source.BlockRef) {
	w.r.Helper()
	w.at(o.Inclusion, block)
	if o.By != other.by || o.Replacement != other.kind {
		w.r.Errorf("%s: %s of %s, want %s of %s", w.id, o.Replacement, o.By, other.kind, other.by)
	}
	if !o.Inclusion.Success {
		w.r.Errorf("%s: its replacement failed", w.id)
	}
}

func replacedPending(r *replacements) {
	for _, kind := range []string{"speedup", "cancel", "other"} {
		tx := r.NewTransaction(r, false)
		r.Submit(r, tx)
		w := r.watch(tx, source.Hint{})
		w.expect(source.Pending, source.Absent)
		other := r.replace(tx, kind)
		r.Submit(r, other.Transaction)
		w.silent(source.Absent, source.Pending)
		w.replaced(other, r.Mine(r, other.Transaction))
	}
}

func replacedUnseen(r *replacements) {
	for _, kind := range []string{"speedup", "cancel", "other"} {
		tx, w := r.named()
		other := r.replace(tx, kind)
		w.replaced(other, r.Mine(r, other.Transaction))
	}
	r.settle(r.mineEmpty(2))
}

func replacedBeforeWatch(r *replacements) {
	tx := r.replacer.Named(r, r.NewTransaction(r, false))
	other := r.replace(tx, "other")
	block := r.Mine(r, other.Transaction)
	r.settle(r.mineEmpty(3))
	r.watch(tx, source.Hint{}).replaced(other, block)
}

// replacedUnfollowed is found out of what is left of it: by whom it was replaced may be unknown.
func replacedUnfollowed(r *replacements) {
	tx, _ := r.named()
	r.stop()
	other := r.replace(tx, "speedup")
	block := r.Mine(r, other.Transaction)
	r.mineEmpty(3)
	r.another()
	w := r.watch(tx, source.Hint{})
	switch o := w.next(source.Absent, source.Pending); o.Kind {
	case source.Replaced:
	case source.Replacing:
		w.by(o, other, block)
	default:
		r.Fatalf("observed %s, want replacing or replaced", describe(o))
	}
}

func replacementAdvances(r *replacements) {
	_, w, _, block := r.replaced()
	w.Wake(source.Wake{Height: block.Number + 2})
	r.mineEmpty(2)
	if o := w.expect(source.Advanced); o.Head < block.Number+2 {
		r.Fatalf("advanced at head %d, want %d", o.Head, block.Number+2)
	}
	r.settle(r.mineEmpty(1))
	w.silent()
}

func replacementMoves(r *replacements) {
	_, w, other, block := r.replaced()
	blocks := r.Reorganise(r, 1, branch(1, 1, other.Transaction)...)
	w.by(w.reorged(block, &blocks[1]), other, blocks[1])
}

func replacementGone(r *replacements) {
	tx, w, _, block := r.replaced()
	blocks := r.Reorganise(r, 1, branch(1, -1)...)
	w.reorged(block, nil)
	r.settle(blocks[1])
	w.included(r.Mine(r, tx), true)
}

func originalIncluded(r *replacements) {
	tx, w, _, block := r.replaced()
	blocks := r.Reorganise(r, 1, branch(1, 0, tx)...)
	if o := w.reorged(block, &blocks[0]); o.By != "" {
		r.Errorf("reorged into its own inclusion, by %q", o.By)
	}
	w.Wake(source.Wake{Height: blocks[1].Number + 1})
	r.mineEmpty(1)
	w.expect(source.Advanced)
}

func includedThenReplaced(r *replacements) {
	tx := r.NewTransaction(r, false)
	r.Submit(r, tx)
	w := r.watch(tx, source.Hint{})
	w.expect(source.Pending, source.Absent)
	block := r.Mine(r, tx)
	w.included(block, true)
	other := r.replace(tx, "speedup")
	blocks := r.Reorganise(r, 1, branch(1, 0, other.Transaction)...)
	w.by(w.reorged(block, &blocks[0]), other, blocks[0])
}

// hinted returns the hint that the record of a transaction gives that was replaced in the block.
func (other replacement) hinted(block source.BlockRef) source.Hint {
	return source.Hint{Since: block.Number, Block: &block, By: other.by}
}

func hintReplacementHolds(r *replacements) {
	tx, _, other, block := r.replaced()
	r.settle(r.mineEmpty(2))
	r.another()
	w := r.watch(tx, other.hinted(block))
	w.at(w.expect(source.Replacing).Inclusion, block)
	w.Wake(source.Wake{Height: block.Number + 2})
	w.expect(source.Advanced)
}

func hintReplacementMoved(r *replacements) {
	tx, w, other, block := r.replaced()
	blocks := r.Reorganise(r, 1, branch(1, 1, other.Transaction)...)
	w.reorged(block, &blocks[1])
	r.another()
	if o := r.watch(tx, other.hinted(block)).reorged(block, &blocks[1]); o.By != other.by {
		r.Errorf("moved by %q, want %q", o.By, other.by)
	}
}

func hintReplacementGone(r *replacements) {
	tx, w, other, block := r.replaced()
	blocks := r.Reorganise(r, 1, branch(1, -1)...)
	w.reorged(block, nil)
	r.settle(blocks[1])
	r.another()
	late := r.watch(tx, other.hinted(block))
	late.reorged(block, nil)
	late.included(r.Mine(r, tx), true)
}

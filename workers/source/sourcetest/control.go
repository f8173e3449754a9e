package sourcetest

import (
	"slices"

	"trackerfleet/workers/source"
)

func refreshAnswers(r *rig) {
	r.mineEmpty(1)
	unseen, pending := r.NewTransaction(r, false), r.NewTransaction(r, false)
	r.Submit(r, pending)
	wu, wp := r.watch(unseen, source.Hint{}), r.watch(pending, source.Hint{})
	wi, _, _ := r.confirming()
	wu.expect(source.Absent)
	wp.expect(source.Pending)
	for range 2 {
		wu.silent(source.Absent)
		wu.Refresh()
		wu.expect(source.Absent)
		wp.silent(source.Pending)
		wp.Refresh()
		wp.expect(source.Pending)
		wi.Refresh()
		if o := wi.next(); o.Kind != source.Included && o.Kind != source.Advanced {
			r.Fatalf("refresh of an included transaction observed %s", describe(o))
		}
	}
}

func absentUpToDate(r *rig) {
	w := r.watch(r.NewTransaction(r, false), source.Hint{})
	for range 3 {
		head := r.mineEmpty(2)
		r.settle(head)
		w.silent(source.Absent)
		w.Refresh()
		if o := w.expect(source.Absent); o.Head < head.Number {
			r.Fatalf("absent at head %d, but the head is %d", o.Head, head.Number)
		}
	}
}

func closedSilent(r *rig) {
	w, tx, block := r.confirming()
	pending := r.NewTransaction(r, false)
	wp := r.watch(pending, source.Hint{})
	open := r.watch(tx, source.Hint{})
	open.included(block, true)
	w.Wake(source.Wake{Height: block.Number + 1})
	w.Refresh()
	wp.Refresh()
	w.Close()
	wp.Close()
	w.Close() // again: nothing
	w.Wake(source.Wake{Height: 1})
	w.Refresh()
	blocks := r.Reorganise(r, 1, branch(1, 0, tx, pending)...)
	open.reorged(block, &blocks[0])
	r.settle(r.mineEmpty(2))
	if n := w.lateObservations() + wp.lateObservations(); n > 0 {
		r.Fatalf("%d observations after Close", n)
	}
	if n := r.src.Health().Watched; n != 1 {
		r.Fatalf("%d watched, want 1", n)
	}
}

func runAgain(r *rig) {
	w, _, block := r.confirming()
	tx := r.NewTransaction(r, false)
	waiting := r.watch(tx, source.Hint{})
	w.Wake(source.Wake{Height: block.Number + 3})
	r.stop()
	r.mineEmpty(1)
	included := r.Mine(r, tx)
	fresh, freshTx := r.watchNew()
	r.mineEmpty(1)
	r.start()
	waiting.included(included, true)
	w.expect(source.Advanced)
	fresh.included(r.Mine(r, freshTx), true)
}

// watchNew watches a new transaction.
func (r *rig) watchNew() (*watcher, Transaction) {
	tx := r.NewTransaction(r, false)
	return r.watch(tx, source.Hint{}), tx
}

func outageDecidesNothing(r *rig) {
	in, _, block := r.confirming()
	pending := r.NewTransaction(r, false)
	r.Submit(r, pending)
	wp := r.watch(pending, source.Hint{})
	wp.expect(source.Pending)
	unseen, _ := r.watchNew()
	unseen.expect(source.Absent)
	in.Wake(source.Wake{Height: block.Number + 1})

	r.SetOutage(r, true)
	r.until("degraded", func() bool { return r.src.Health().Degraded })
	unseen.silent(source.Absent)
	included := r.Mine(r, pending)
	for _, w := range []*watcher{in, wp, unseen} {
		w.Refresh()
	}
	late, lateTx := r.watchNew()
	health := r.src.Health()
	if health.Error == "" || health.ErrorAt.IsZero() {
		r.Errorf("degraded without an error: %+v", health)
	}
	for _, w := range []*watcher{in, wp, unseen, late} {
		w.silent()
	}

	r.SetOutage(r, false)
	wp.included(included, true)
	in.expect(source.Advanced, source.Included)
	unseen.expect(source.Absent)
	late.included(r.Mine(r, lateTx), true)
	r.until("healthy again", func() bool { return !r.src.Health().Degraded })
}

func checkpointGoesUp(r *rig) {
	var last source.Checkpoint
	for range 5 {
		head := r.mineEmpty(2)
		r.until("checkpoint at the head", func() bool {
			c := r.src.Checkpoint()
			if c.Height < last.Height {
				r.Fatalf("checkpoint %d after %d", c.Height, last.Height)
			}
			last = c
			return c.Height >= head.Number
		})
		if last.Height != head.Number || last.Hash != head.Hash {
			r.Fatalf("checkpoint %+v, want block %+v", last, head)
		}
		if h := r.src.Health(); h.Head != head.Number || h.HeadAt.IsZero() {
			r.Fatalf("health says head %d at %v, want %d", h.Head, h.HeadAt, head.Number)
		}
	}
}

func checksTold(r *rig) {
	r.mineEmpty(1)
	w, _ := r.watchNew()
	w.expect(source.Absent)
	r.checked(w)
	if c := w.Checks(); c.Head == 0 {
		r.Errorf("no head in %+v", c)
	}
	r.SetOutage(r, true)
	r.until("degraded", func() bool { return r.src.Health().Degraded })
	r.owesAnswer(w)
	r.SetOutage(r, false)
	w.expect(source.Absent)
	w.Close()
	if c := w.Checks(); c.Waiting != "" {
		r.Errorf("closed, it waits for %s", c.Waiting)
	}
}

// checked waits until a watch tells its last look and who answered it.
func (r *rig) checked(w *watcher) {
	var c source.Checks
	r.until("last check told", func() bool { c = w.Checks(); return !c.Last.IsZero() && c.Endpoint != "" })
	if !slices.ContainsFunc(r.src.Health().Endpoints, func(e source.EndpointHealth) bool { return e.Name == c.Endpoint }) {
		r.Errorf("health knows no endpoint %q", c.Endpoint)
	}
}

// owesAnswer has a watch looked at while nobody answers, and waits until it says what it waits for.
func (r *rig) owesAnswer(w *watcher) {
	w.silent(source.Absent)
	w.Refresh()
	r.until("what it waits for told", func() bool { return w.Checks().Waiting != "" })
}

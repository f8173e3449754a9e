package sourcetest

import (
	"runtime"
	"sync"

	"trackerfleet/workers/source"
)

func absentPendingSettled(r *providerRig) {
	w, tx := r.watchNew()
	w.expect(source.Absent)
	r.Process(r, tx)
	w.expect(source.Pending, source.Absent)
	r.Settle(r, tx, source.EndConfirmed)
	w.settled(source.EndConfirmed)
}

func settledUnseen(r *providerRig) {
	w, tx := r.watchNew()
	r.Settle(r, tx, source.EndFailed)
	w.settled(source.EndFailed)
}

func settledBeforeWatch(r *providerRig) {
	tx := r.Provider.NewTransaction(r)
	r.Settle(r, tx, source.EndConfirmed)
	w := r.watch(tx, source.Hint{})
	if o := w.expect(source.Settled); o.Settlement.End != source.EndConfirmed {
		r.Fatalf("observed %s", describe(o))
	}
}

func processedBeforeWatch(r *providerRig) {
	tx := r.Provider.NewTransaction(r)
	r.Process(r, tx)
	w := r.watch(tx, source.Hint{})
	w.expect(source.Pending)
	r.Settle(r, tx, source.EndConfirmed)
	w.settled(source.EndConfirmed)
}

func watchedBeforeProviderRuns(r *providerRig) {
	r.stop()
	r.src = r.newSource(r)
	w, tx := r.watchNew()
	r.Settle(r, tx, source.EndConfirmed)
	w.silent()
	r.start()
	w.settled(source.EndConfirmed)
}

func everyEnd(r *providerRig) {
	for end := source.EndConfirmed; end <= source.EndDropped; end++ {
		w, tx := r.watchNew()
		r.Settle(r, tx, end)
		w.settled(end)
		w.Close()
	}
}

func severalProviderWatches(r *providerRig) {
	tx := r.Provider.NewTransaction(r)
	a, b := r.watch(tx, source.Hint{}), r.watch(tx, source.Hint{})
	r.Process(r, tx)
	a.expect(source.Pending, source.Absent)
	b.expect(source.Pending, source.Absent)
	a.Close()
	r.Settle(r, tx, source.EndStopped)
	b.settled(source.EndStopped)
}

func providerRefreshAnswers(r *providerRig) {
	unseen, _ := r.watchNew()
	pending, tx := r.watchNew()
	r.Process(r, tx)
	unseen.expect(source.Absent)
	pending.expect(source.Pending, source.Absent)
	for range 3 {
		unseen.silent(source.Absent)
		unseen.Refresh()
		unseen.expect(source.Absent)
		pending.silent()
		pending.Refresh()
		pending.expect(source.Pending)
	}
}

func settlementSaidAgain(r *providerRig) {
	w, tx := r.watchNew()
	r.Settle(r, tx, source.EndConfirmed)
	w.settled(source.EndConfirmed)
	for range 3 {
		w.silent()
		w.Refresh()
		w.settled(source.EndConfirmed)
	}
}

func wakesNeverAnswered(r *providerRig) {
	w, tx := r.watchNew()
	r.Process(r, tx)
	w.expect(source.Pending, source.Absent)
	for _, head := range []source.Finality{source.Depth, source.Safe, source.Finalized} {
		w.Wake(source.Wake{Height: 1, Head: head})
	}
	w.Refresh()
	w.expect(source.Pending)
	w.Wake(source.Wake{})
	w.silent()
}

func closedProviderSilent(r *providerRig) {
	w, tx := r.watchNew()
	open := r.watch(tx, source.Hint{})
	w.expect(source.Absent)
	w.Refresh()
	w.Close()
	w.Close() // again: nothing
	w.Refresh()
	r.Settle(r, tx, source.EndConfirmed)
	open.settled(source.EndConfirmed)
	open.Refresh()
	open.settled(source.EndConfirmed)
	if n := w.lateObservations(); n > 0 {
		r.Fatalf("%d observations after Close", n)
	}
	if n := r.src.Health().Watched; n != 1 {
		r.Fatalf("%d watched, want 1", n)
	}
}

func providerRunAgain(r *providerRig) {
	waiting, tx := r.watchNew()
	waiting.expect(source.Absent)
	r.stop()
	r.Settle(r, tx, source.EndConfirmed)
	fresh, freshTx := r.watchNew()
	r.Settle(r, freshTx, source.EndFailed)
	r.start()
	waiting.settled(source.EndConfirmed)
	fresh.settled(source.EndFailed)
}

// underWay is more than how many requests a source has under way in the suite.
const underWay = 10

func providerOutageDecidesNothing(r *providerRig) {
	pending, tx := r.watchNew()
	r.Process(r, tx)
	pending.expect(source.Pending, source.Absent)
	unseen, _ := r.watchNew()
	unseen.expect(source.Absent)

	r.SetOutage(r, true)
	r.until("degraded", func() bool { return r.src.Health().Degraded })
	for range underWay { // what was on its way before the outage has arrived by then
		before := r.src.Health().ErrorAt
		r.until("trouble goes on", func() bool { return r.src.Health().ErrorAt.After(before) })
	}
	unseen.silent(source.Absent)
	r.Settle(r, tx, source.EndConfirmed)
	pending.Refresh()
	unseen.Refresh()
	late, lateTx := r.watchNew()
	if h := r.src.Health(); h.Error == "" || h.ErrorAt.IsZero() {
		r.Errorf("degraded without an error: %+v", h)
	}
	for _, w := range []*watcher{pending, unseen, late} {
		w.silent()
	}

	r.SetOutage(r, false)
	pending.settled(source.EndConfirmed)
	unseen.expect(source.Absent)
	r.Settle(r, lateTx, source.EndExpired)
	late.settled(source.EndExpired)
	r.until("healthy again", func() bool { return !r.src.Health().Degraded })
}

func noCheckpoint(r *providerRig) {
	w, _ := r.watchNew()
	w.expect(source.Absent)
	if c := r.src.Checkpoint(); c != (source.Checkpoint{}) {
		r.Errorf("checkpoint %+v of an outside without blocks", c)
	}
	if h := r.src.Health(); h.Head != 0 || calls(h) == 0 {
		r.Errorf("health says head %d after %d calls", h.Head, calls(h))
	}
}

func providerChecksTold(r *providerRig) {
	w, _ := r.watchNew()
	w.expect(source.Absent)
	r.checked(w)
	if w.Checks().Next.IsZero() {
		r.Errorf("no next check in %+v", w.Checks())
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

func goroutinesIndependent(r *providerRig) {
	few := r.manyWatched(10)
	many := r.manyWatched(r.Many() - 10)
	if many > few+50 {
		r.Errorf("%d goroutines for 10 watches, %d for %d", few, many, r.Many())
	}
	if n := r.src.Health().Watched; n != r.Many() {
		r.Errorf("%d watched, want %d", n, r.Many())
	}
}

// manyWatched watches n more transactions and returns how many goroutines there are when all were looked at.
func (r *providerRig) manyWatched(n int) int {
	watchers := make([]*watcher, n)
	for i := range watchers {
		watchers[i], _ = r.watchNew()
	}
	for _, w := range watchers {
		w.expect(source.Absent)
	}
	return runtime.NumGoroutine()
}

func providerManyGoroutines(r *providerRig) {
	const goroutines, rounds = 8, 20
	var all sync.WaitGroup
	for range goroutines {
		tx := r.Provider.NewTransaction(r)
		target, err := r.src.Parse(tx.ID, tx.Params)
		if err != nil {
			r.Fatal(err)
		}
		all.Go(func() { r.useAlot(tx, target, rounds) })
	}
	all.Wait()
	r.until("nothing watched", func() bool { return r.src.Health().Watched == 0 })
	w, _ := r.watchNew()
	w.expect(source.Absent)
}

package sourcetest

import "trackerfleet/workers/source"

func absentPendingIncluded(r *rig) {
	tx := r.NewTransaction(r, false)
	r.mineEmpty(1)
	w := r.watch(tx, source.Hint{})
	w.expect(source.Absent)
	r.Submit(r, tx)
	w.Refresh()
	w.expect(source.Pending, source.Absent)
	w.included(r.Mine(r, tx), true)
	r.settle(r.mineEmpty(2))
	w.silent()
}

func includedUnseen(r *rig) {
	tx := r.NewTransaction(r, false)
	w := r.watch(tx, source.Hint{})
	r.mineEmpty(1)
	w.included(r.Mine(r, tx), true)
}

func includedBeforeWatch(r *rig) {
	tx := r.NewTransaction(r, false)
	block := r.Mine(r, tx)
	r.settle(r.mineEmpty(3))
	w := r.watch(tx, source.Hint{})
	o := w.expect(source.Included)
	w.at(o.Inclusion, block)
}

func pendingBeforeWatch(r *rig) {
	tx := r.NewTransaction(r, false)
	r.Submit(r, tx)
	r.settle(r.mineEmpty(1))
	w := r.watch(tx, source.Hint{})
	w.expect(source.Pending)
	w.included(r.Mine(r, tx), true)
}

func watchedBeforeRun(r *rig) {
	r.stop()
	r.src = r.newSource(r)
	before, after := r.NewTransaction(r, false), r.NewTransaction(r, false)
	blockBefore := r.Mine(r, before)
	wb, wa := r.watch(before, source.Hint{}), r.watch(after, source.Hint{})
	r.start()
	wb.included(blockBefore, true)
	wa.included(r.Mine(r, after), true)
}

func reverted(r *rig) {
	good, bad := r.NewTransaction(r, false), r.NewTransaction(r, true)
	wg, wb := r.watch(good, source.Hint{}), r.watch(bad, source.Hint{})
	block := r.Mine(r, good, bad)
	wg.included(block, true)
	wb.included(block, false)
}

func severalWatches(r *rig) {
	tx := r.NewTransaction(r, false)
	a, b := r.watch(tx, source.Hint{}), r.watch(tx, source.Hint{})
	block := r.Mine(r, tx)
	a.included(block, true)
	b.included(block, true)
	a.Close()
	b.Wake(source.Wake{Height: block.Number + 1})
	r.mineEmpty(1)
	b.expect(source.Advanced)
}

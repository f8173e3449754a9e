package sourcetest

import "trackerfleet/workers/source"

// branch is n+1 blocks in place of n, with the transactions in the block of the index.
func branch(n, index int, txs ...Transaction) [][]Transaction {
	b := make([][]Transaction, n+1)
	if index >= 0 {
		b[index] = txs
	}
	return b
}

func reorgedSameHeight(r *rig) {
	w, tx, block := r.confirming()
	blocks := r.Reorganise(r, 1, branch(1, 0, tx)...)
	if o := w.reorged(block, &blocks[0]); o.Inclusion.Block.Number != block.Number {
		r.Fatalf("the harness put it back at %d, want %d", o.Inclusion.Block.Number, block.Number)
	}
	w.Wake(source.Wake{Height: blocks[1].Number + 1})
	r.mineEmpty(1)
	w.expect(source.Advanced)
}

func reorgedOtherHeight(r *rig) {
	w, tx, block := r.confirming()
	r.settle(r.mineEmpty(1))
	blocks := r.Reorganise(r, 2, branch(2, 2, tx)...)
	w.reorged(block, &blocks[2])
	w.silent()
}

func reorgedNeverBack(r *rig) {
	w, _, block := r.confirming()
	blocks := r.Reorganise(r, 1, branch(1, -1)...)
	w.reorged(block, nil)
	r.settle(blocks[1])
	w.Refresh()
	if o := w.next(); o.Kind != source.Pending && o.Kind != source.Absent {
		r.Fatalf("observed %s, want pending or absent", describe(o))
	}
	r.settle(r.mineEmpty(2))
	w.silent(source.Pending, source.Absent)
}

func reorgedBackLater(r *rig) {
	w, tx, block := r.confirming()
	blocks := r.Reorganise(r, 1, branch(1, -1)...)
	w.reorged(block, nil)
	r.settle(blocks[1])
	again := r.Mine(r, tx)
	w.included(again, true)
	w.Wake(source.Wake{Height: again.Number + 1})
	r.mineEmpty(1)
	w.expect(source.Advanced)
}

func reorgedTwice(r *rig) {
	w, tx, block := r.confirming()
	first := r.Reorganise(r, 1, branch(1, 1, tx)...)
	w.reorged(block, &first[1])
	second := r.Reorganise(r, 2, branch(2, 0, tx)...)
	w.reorged(first[1], &second[0])
}

func belowFork(r *rig) {
	w, _, block := r.confirming()
	other, _, otherBlock := r.confirming()
	r.settle(r.mineEmpty(3))
	blocks := r.Reorganise(r, 4, branch(4, -1)...)
	other.reorged(otherBlock, nil)
	r.settle(blocks[4])
	w.silent()
	w.Wake(source.Wake{Height: block.Number + 1})
	w.expect(source.Advanced)
}

func reorgedWhileStopped(r *rig) {
	moved, tx, block := r.confirming()
	gone, _, goneBlock := r.confirming()
	r.stop()
	blocks := r.Reorganise(r, 2, branch(2, 2, tx)...)
	r.start()
	moved.reorged(block, &blocks[2])
	gone.reorged(goneBlock, nil)
}

package sourcetest

import "trackerfleet/workers/source"

// confirming returns a watched transaction and the block it was observed in.
func (r *rig) confirming() (*watcher, Transaction, source.BlockRef) {
	tx := r.NewTransaction(r, false)
	w := r.watch(tx, source.Hint{})
	block := r.Mine(r, tx)
	w.included(block, true)
	return w, tx, block
}

func advancedAtHeight(r *rig) {
	w, _, block := r.confirming()
	r.settle(block)
	for _, height := range []uint64{block.Number + 1, block.Number + 3} {
		w.Wake(source.Wake{Height: height})
		for head := r.src.Checkpoint().Height; head < height-1; {
			below := r.mineEmpty(1)
			r.settle(below)
			head = below.Number
		}
		w.silent()
		r.mineEmpty(1)
		if o := w.expect(source.Advanced); o.Head < height {
			r.Fatalf("advanced at head %d, want %d", o.Head, height)
		}
	}
	r.settle(r.mineEmpty(2))
	w.silent() // one wake, one observation
}

func wakeHoldsAlready(r *rig) {
	w, _, block := r.confirming()
	head := r.mineEmpty(3)
	r.settle(head)
	w.Wake(source.Wake{Height: block.Number + 1})
	w.expect(source.Advanced)
	w.Wake(source.Wake{Height: head.Number})
	w.expect(source.Advanced)
}

func wakeReplaced(r *rig) {
	w, _, block := r.confirming()
	w.Wake(source.Wake{Height: block.Number + 2})
	w.Wake(source.Wake{Height: block.Number + 5})
	r.settle(r.mineEmpty(6))
	if o := w.expect(source.Advanced); o.Head < block.Number+5 {
		r.Fatalf("advanced at head %d, want %d", o.Head, block.Number+5)
	}
	w.silent()
}

func wakeTakenBack(r *rig) {
	w, _, block := r.confirming()
	w.Wake(source.Wake{Height: block.Number + 2})
	w.Wake(source.Wake{})
	r.settle(r.mineEmpty(4))
	w.silent()
}

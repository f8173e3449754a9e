package sourcetest

import (
	"strings"

	"trackerfleet/workers/source"
)

// hinted returns the hint that the record of a transaction in block gives.
func hinted(block source.BlockRef) source.Hint {
	return source.Hint{Since: block.Number, Block: &block}
}

func hintHolds(r *rig) {
	_, tx, block := r.confirming()
	r.settle(r.mineEmpty(2))
	r.another()
	w := r.watch(tx, hinted(block))
	o := w.expect(source.Included)
	w.at(o.Inclusion, block)
	w.Wake(source.Wake{Height: block.Number + 2})
	w.expect(source.Advanced)
}

func hintMoved(r *rig) {
	w, tx, block := r.confirming()
	blocks := r.Reorganise(r, 1, branch(1, 1, tx)...)
	w.reorged(block, &blocks[1])
	r.watch(tx, hinted(block)).reorged(block, &blocks[1]) // the source that saw both branches
	r.another()
	r.watch(tx, hinted(block)).reorged(block, &blocks[1]) // one that never saw the old one
}

func hintGone(r *rig) {
	w, tx, block := r.confirming()
	blocks := r.Reorganise(r, 1, branch(1, -1)...)
	w.reorged(block, nil)
	r.settle(blocks[1])
	r.watch(tx, hinted(block)).reorged(block, nil)
	r.another()
	late := r.watch(tx, hinted(block))
	late.reorged(block, nil)
	late.included(r.Mine(r, tx), true)
}

// hintUnknown is a record of a block that nobody has any more.
func hintUnknown(r *rig) {
	_, tx, block := r.confirming()
	_, other := r.watchNew()
	r.settle(r.mineEmpty(1))
	forgotten := source.BlockRef{Number: block.Number, Hash: "0x" + strings.Repeat("ab", 32)}
	r.watch(tx, hinted(forgotten)).reorged(forgotten, &block)
	r.watch(other, hinted(forgotten)).reorged(forgotten, nil)
}

package ethereum

import (
	"slices"

	"trackerfleet/workers/source"
)

// mark is a block's place in the chain. It is shared by everything that says "in this block", and never changes.
type mark struct {
	number uint64
	hash   Hash
	ref    source.BlockRef
	rival  *rival // it is another transaction that is there in place of the watched one; nil: it is the watched one
}

// by returns the place in the same block that r has taken from a watched transaction.
func (m *mark) by(r *rival) *mark { return &mark{m.number, m.hash, m.ref, r} }

// window is the end of the canonical chain as it was followed: contiguous blocks, and where their transactions are.
// It reads no clock and does no I/O.
type window struct {
	size   int
	blocks []seatedBlock // ascending
	where  map[Hash]*mark
	taken  map[slot]taking // the slots that the transactions of blocks read in full take
}

// taking is a transaction in a block of the window.
type taking struct {
	*occupant
	at *mark
}

type seatedBlock struct {
	*mark
	parent    Hash
	txs       []Hash
	occupants []occupant
}

func newWindow(size int) *window {
	return &window{size: size, where: map[Hash]*mark{}, taken: map[slot]taking{}}
}

func (w *window) empty() bool { return len(w.blocks) == 0 }

// head returns the last block; the window must not be empty.
func (w *window) head() seatedBlock { return w.blocks[len(w.blocks)-1] }

// tail returns the height of the first block; the window must not be empty.
func (w *window) tail() uint64 { return w.blocks[0].number }

// at returns the mark of the block at a height, nil if the window doesn't hold it.
func (w *window) at(number uint64) *mark {
	if w.empty() || number < w.tail() || number > w.head().number {
		return nil
	}
	return w.blocks[number-w.tail()].mark
}

// holds reports whether the block of that height and hash is in the window.
func (w *window) holds(number uint64, hash Hash) bool {
	m := w.at(number)
	return m != nil && m.hash == hash
}

// knows reports whether a block of that hash is in the window.
func (w *window) knows(hash Hash) bool {
	return slices.ContainsFunc(w.blocks, func(b seatedBlock) bool { return b.hash == hash })
}

// find returns the block of a transaction, nil if it is in none of the window's.
func (w *window) find(tx Hash) *mark { return w.where[tx] }

// occupantAt returns the slot that a transaction takes in the block at a height; nil if that is not known.
func (w *window) occupantAt(number uint64, tx Hash) *occupant {
	if w.at(number) == nil {
		return nil
	}
	occupants := w.blocks[number-w.tail()].occupants
	if i := slices.IndexFunc(occupants, func(t occupant) bool { return t.tx == tx }); i >= 0 {
		return &occupants[i]
	}
	return nil
}

// truncate takes all blocks above a height back.
func (w *window) truncate(height uint64) {
	for !w.empty() && w.head().number > height {
		last := len(w.blocks) - 1
		w.forget(w.blocks[last])
		w.blocks[last] = seatedBlock{}
		w.blocks = w.blocks[:last]
	}
}

// push puts a block on top and returns its mark; the oldest block leaves when the window is full.
func (w *window) push(b *block) *mark {
	m := &mark{b.number, b.hash, b.ref(), nil}
	if len(w.blocks) >= w.size {
		w.forget(w.blocks[0])
		n := copy(w.blocks, w.blocks[1:])
		w.blocks[n] = seatedBlock{}
		w.blocks = w.blocks[:n]
	}
	w.blocks = append(w.blocks, seatedBlock{m, b.parent, b.txs, b.occupants})
	for _, tx := range b.txs {
		w.where[tx] = m
	}
	for i := range b.occupants {
		w.taken[b.occupants[i].slot] = taking{&b.occupants[i], m}
	}
	return m
}

func (w *window) forget(b seatedBlock) {
	for _, tx := range b.txs {
		if w.where[tx] == b.mark {
			delete(w.where, tx)
		}
	}
	for i := range b.occupants {
		if s := b.occupants[i].slot; w.taken[s].at == b.mark {
			delete(w.taken, s)
		}
	}
}

// move is what a latest block means for the window.
type move uint8

const (
	begin   move = iota // nothing is known yet
	stay                // nothing new
	extend              // the chain is longer; whether it is ours is seen at the parents
	fork                // another block at our head's height
	shorter             // the node is on another branch, shorter than ours
	behind              // the node is on our branch but not as far, or too far back to tell
)

// decide says what the node's latest block means.
func (w *window) decide(latest *block) move {
	if w.empty() {
		return begin
	}
	head := w.head()
	switch m := w.at(latest.number); {
	case latest.hash == head.hash:
		return stay
	case latest.number > head.number:
		return extend
	case m == nil || m.hash == latest.hash:
		return behind
	case latest.number == head.number:
		return fork
	default:
		return shorter
	}
}

// contiguous reports whether each block is the parent of the next.
func contiguous(branch []*block) bool {
	for i := 1; i < len(branch); i++ {
		if branch[i].parent != branch[i-1].hash || branch[i].number != branch[i-1].number+1 {
			return false
		}
	}
	return true
}

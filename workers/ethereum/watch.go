package ethereum

import (
	"time"

	"trackerfleet/workers/source"
)

// ref is what the source keeps of a start's params. It is immutable.
type ref struct {
	hash  Hash
	extra *extra // nil: the start asked for none of it
}

// extra is what few starts ask for, and what is known of the transaction's slot. A watch has one of its own.
type extra struct {
	fromBlock uint64
	nonce     uint64  // of the slot
	deed      uint64  // what the transaction does, as deedOf has it; 0: not known
	twin      *watch  // next among those of the same slot, or of the same key
	from      Address // of the slot
	free      uint16  // the streak of the book in which a node said that the nonce is not used up; 0: none
	slotted   bool    // from and nonce are known
	reason    bool    // ask why it was reverted
}

// slot returns the transaction's slot, which must be known.
func (x *extra) slot() slot { return slot{x.nonce, x.from} }

// hasSlot reports whether the transaction's slot is known.
func (r ref) hasSlot() bool { return r.extra != nil && r.extra.slotted }

// since returns the height up to which the start says that the transaction is in no block; 0: it says nothing.
func (r ref) since() uint64 {
	if r.extra == nil || r.extra.fromBlock == 0 {
		return 0
	}
	return r.extra.fromBlock - 1
}

// wantsReason reports whether it is to be asked why the transaction was reverted.
func (r ref) wantsReason() bool { return r.extra != nil && r.extra.reason }

// watch is one watched transaction. Everything but src, ref and obs is guarded by src.mu.
//
// It is always in one of the book's lists, except while its look-up is under way and after Close. A million of them are held
// at once: TestBytesPerWatch says how large one may be.
type watch struct {
	src *Source
	ref ref
	obs source.Observer

	twin       *watch // next in the index, of the same key
	prev, next *watch // in its list

	place *mark // where the window, or a node below the window, has it; nil: in no block
	told  *mark // where the observer was told it is; nil: in no block

	wake    uint64 // height asked for; 0: none
	due     int32  // position among those due at wake; -1: not among them
	checked tenths // when a node last said something of it
	need    uint16 // confirmations that make a block final, at most all of 16 bits; of use where finality is Depth

	finality source.Finality // which head makes a block final
	head     source.Finality
	in       room
	asked    uint8 // the endpoint that last answered a look-up of it, counted from 1; 0: none
	success  bool  // outcome in told
	ask      bool  // the observer is owed an observation even if nothing changed
}

// sought returns the transaction that is in w's place: its own or the one that took its slot.
func (w *watch) sought() Hash {
	if w.place.rival != nil {
		return w.place.rival.tx
	}
	return w.ref.hash
}

// settled reports whether the observer knows where the transaction is.
func (w *watch) settled() bool { return w.place != nil && w.told != nil && w.told.hash == w.place.hash }

// Wake asks for an Advanced observation once the head has reached the height.
func (w *watch) Wake(wake source.Wake) {
	s := w.src
	s.mu.Lock()
	defer s.mu.Unlock()
	if w.in == closed {
		return
	}
	s.book.setWake(w, wake)
	s.book.fire(w, time.Now())
}

// Refresh puts the transaction at the front of the look-up queue, and has the head looked at soon.
func (w *watch) Refresh() {
	s := w.src
	s.mu.Lock()
	defer s.mu.Unlock()
	if w.in == closed {
		return
	}
	s.book.refresh(w)
	s.hurryLocked()
	s.kick()
}

// Close ends the watch.
func (w *watch) Close() {
	s := w.src
	s.mu.Lock()
	defer s.mu.Unlock()
	if w.in != closed {
		s.book.remove(w)
	}
}

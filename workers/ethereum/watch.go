package ethereum

import (
	"time"

	"trackerfleet/workers/source"
)

// ref is what the source keeps of a start's params. It is immutable.
type ref struct {
	hash      Hash
	fromBlock uint64
	reason    bool         // ask why it was reverted
	slot      *slot        // nil unless the start named sender and nonce
	details   *wantDetails // nil unless the start named any
}

// slot is the sender and nonce that only one transaction can use up.
type slot struct {
	from  Address
	nonce uint64
}

// wantDetails is what the start says that the transaction does; it tells a replacement's kind.
type wantDetails struct {
	to       *Address
	value    string // decimal; "" unknown
	dataHash *Hash
}

// watch is one watched transaction. Everything but src, ref and obs is guarded by src.mu.
//
// It is always in one of the book's lists, except while its look-up is under way and after Close.
type watch struct {
	src *Source
	ref *ref
	obs source.Observer

	twin       *watch // next in the index, of the same key
	prev, next *watch
	in         *list

	place *mark // where the window, or a node below the window, has it; nil: in no block
	told  *mark // where the observer was told it is; nil: in no block

	wake    uint64        // height asked for; 0: none
	checked time.Duration // when a node last said something of it, since the book began; 0: never
	due     int32         // position in dues; -1: in none
	depth   uint32        // of the reorganisation that displaced it
	head    source.Finality
	asked   uint8 // the endpoint that last answered a look-up of it, counted from 1; 0: none
	success bool  // outcome in told
	ask     bool  // the observer is owed an observation even if nothing changed
	closed  bool
}

// settled reports whether the observer knows where the transaction is.
func (w *watch) settled() bool { return w.place != nil && w.told != nil && w.told.hash == w.place.hash }

// Wake asks for an Advanced observation once the head has reached the height.
func (w *watch) Wake(wake source.Wake) {
	s := w.src
	s.mu.Lock()
	defer s.mu.Unlock()
	if w.closed {
		return
	}
	s.book.setWake(w, wake)
	s.book.fire(w, time.Now())
}

// Refresh puts the transaction at the front of the look-up queue.
func (w *watch) Refresh() {
	s := w.src
	s.mu.Lock()
	defer s.mu.Unlock()
	if w.closed {
		return
	}
	s.book.refresh(w)
	s.kick()
}

// Close ends the watch.
func (w *watch) Close() {
	s := w.src
	s.mu.Lock()
	defer s.mu.Unlock()
	if !w.closed {
		s.book.remove(w)
	}
}

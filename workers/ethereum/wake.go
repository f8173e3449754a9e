package ethereum

import (
	"time"

	"trackerfleet/workers/source"
)

// setWake replaces the wake of w.
func (b *book) setWake(w *watch, wake source.Wake) {
	if w.due >= 0 {
		b.waiting[w.head].remove(w)
	}
	if w.wake > 0 {
		b.wanted[w.head]--
	}
	w.wake, w.head = wake.Height, min(wake.Head, source.Finalized)
	if w.wake > 0 {
		b.wanted[w.head]++
		b.waiting[w.head].add(w)
	}
}

// fire hands Advanced over if w's wake holds. A wake that holds while the transaction is in no block is kept until it is.
func (b *book) fire(w *watch, now time.Time) {
	if w.wake == 0 || !w.settled() || b.window.empty() {
		return
	}
	if b.height(w.head) < w.wake {
		if w.due < 0 { // it held once, while the transaction was in no block
			b.waiting[w.head].add(w)
		}
		return
	}
	b.setWake(w, source.Wake{})
	w.obs.Observe(b.observation(source.Advanced, now))
}

// fireAll fires every wake that the heads have reached.
func (b *book) fireAll(now time.Time) {
	if b.window.empty() {
		return
	}
	for kind := range b.waiting {
		height := b.height(source.Finality(kind))
		for {
			w, ok := b.waiting[kind].next(height)
			if !ok {
				break
			}
			b.fire(w, now)
		}
	}
}

// height returns the height of a kind of head; the window must not be empty.
func (b *book) height(kind source.Finality) uint64 {
	head := b.window.head().number
	if kind == source.Depth {
		return head
	}
	return b.tags.height(kind, head)
}

package simulated

import (
	"time"

	"trackerfleet/workers/source"
)

// watch is one watched transaction. Everything in it but the first three fields is guarded by the source's mutex. A million
// of them are held at once: TestWatchIsSmall says how large one may be.
type watch struct {
	src      *Source
	tx       transaction
	observer source.Observer

	at       block  // of the place where it was found
	dueAt    uint64 // round under which it is in the agenda of rounds
	wakeAt   uint64 // height under which it is in the agenda of heights of wakeHead
	checked  int64  // Unix nanoseconds of the last look; 0: none
	duePos   int32  // its positions there, counted from 1; 0: it is not in
	wakePos  int32
	kind     placeKind // of that place
	told     placeKind // what the observer was told; in a block: that place
	wakeHead source.Finality
	asked    bool  // refresh: tell even if nothing changed
	absences uint8 // looks in vain since it was last seen
	closed   bool
}

// place returns where the transaction was found.
func (w *watch) place() place { return place{kind: w.kind, block: w.at} }

func (w *watch) move(p place) { w.kind, w.at = p.kind, p.block }

func dueOf(w *watch) entry  { return entry{&w.dueAt, &w.duePos} }
func wakeOf(w *watch) entry { return entry{&w.wakeAt, &w.wakePos} }

// Wake asks for an observation as soon as the wake's head is there. If the transaction is in no block then, it is
// looked up instead.
func (w *watch) Wake(wake source.Wake) {
	s := w.src
	s.mu.Lock()
	defer s.mu.Unlock()
	if w.closed {
		return
	}
	s.wakes[w.wakeHead].remove(w)
	if wake == (source.Wake{}) || int(wake.Head) >= len(s.wakes) {
		return
	}
	w.wakeHead = wake.Head
	s.wakes[wake.Head].put(w, wake.Height)
	s.poke()
}

// Refresh looks the transaction up again, before all that are due.
func (w *watch) Refresh() {
	s := w.src
	s.mu.Lock()
	defer s.mu.Unlock()
	if w.closed {
		return
	}
	w.asked = true
	s.due.put(w, 0)
	s.poke()
}

// Close ends the watch.
func (w *watch) Close() {
	s := w.src
	s.mu.Lock()
	defer s.mu.Unlock()
	if w.closed {
		return
	}
	w.closed = true
	s.due.remove(w)
	s.wakes[w.wakeHead].remove(w)
	delete(s.hints, w)
	s.watched--
}

// Checks says when the transaction was last looked at and when it will be next.
func (w *watch) Checks() source.Checks {
	s := w.src
	s.mu.Lock()
	defer s.mu.Unlock()
	c := source.Checks{Head: s.heads.latest, Safe: s.heads.safe, Finalized: s.heads.finalized}
	if w.checked != 0 {
		c.Last = time.Unix(0, w.checked)
		c.Endpoint = endpointName(max(0, int(w.absences)-1) % s.config.Endpoints)
	}
	if w.duePos != 0 {
		c.Next = s.outside.began(max(w.dueAt, s.round+1))
	}
	switch {
	case w.closed:
	case s.outage.Load():
		c.Waiting = "the chain, which cannot be reached"
	case w.duePos != 0 && w.dueAt == 0:
		c.Waiting = "its look-up, which is queued"
	}
	return c
}

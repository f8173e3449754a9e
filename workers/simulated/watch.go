package simulated

import (
	"time"

	"trackerfleet/workers/source"
)

// watch is one watched transaction. Everything in it but the first three fields is guarded by the source's mutex.
type watch struct {
	src      *Source
	tx       *transaction
	observer source.Observer

	hint     *source.Hint // until the first look; nil: nothing known
	place    place        // where it was found
	told     place        // what the observer was told
	due      entry        // in the agenda of rounds
	wake     entry        // in the agenda of heights of wakeHead
	checked  int64        // Unix nanoseconds of the last look; 0: none
	wakeHead source.Finality
	asked    bool  // refresh: tell even if nothing changed
	absences uint8 // looks in vain since it was last seen
	closed   bool
}

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
	if w.due.pos != 0 {
		c.Next = s.outside.began(max(w.due.number, s.round+1))
	}
	switch {
	case w.closed:
	case s.outage.Load():
		c.Waiting = "the chain, which cannot be reached"
	case w.due.pos != 0 && w.due.number == 0:
		c.Waiting = "its look-up, which is queued"
	}
	return c
}

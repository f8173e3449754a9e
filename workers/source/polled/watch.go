package polled

import (
	"slices"
	"time"

	"trackerfleet/workers/source"
)

// watch is one watched transaction. Its source guards it.
type watch struct {
	source   *Source
	row      *row
	observer source.Observer

	owed   bool // the next call must answer it
	due    bool // the call under way, or one that failed, must answer it
	begun  bool // a call has begun since it is there
	closed bool
}

// Wake does nothing: there are no heads to wait for.
func (w *watch) Wake(source.Wake) {}

// Refresh has the source ask for the transaction as soon as it can, and tell what it knows then whether it is new or not.
func (w *watch) Refresh() {
	w.source.mu.Lock()
	defer w.source.mu.Unlock()
	if !w.closed {
		w.source.oweLocked(w)
	}
}

// Close ends the watch.
func (w *watch) Close() {
	s, r := w.source, w.row
	s.mu.Lock()
	defer s.mu.Unlock()
	if w.closed {
		return
	}
	w.closed = true
	s.watched--
	r.watches = slices.DeleteFunc(r.watches, func(other *watch) bool { return other == w })
	if len(r.watches) == 0 {
		r.leave()
		delete(s.rows, r.ref)
	}
}

// Checks says how the transaction is looked at.
func (w *watch) Checks() source.Checks {
	s, r := w.source, w.row
	s.mu.Lock()
	defer s.mu.Unlock()
	var c source.Checks
	if r.looked != 0 {
		c.Last, c.Endpoint = time.Unix(0, r.looked), s.cfg.Name
	}
	if w.closed {
		return c
	}
	if w.owed || w.due {
		c.Waiting = "an answer of " + s.cfg.Name
	}
	switch {
	case r.asking:
		c.Next = s.begun
	case r.in == &s.urgent:
		c.Next = s.resume
	case r.in == &s.turn:
		if c.Next = s.dueAt(r); c.Next.Before(s.resume) {
			c.Next = s.resume
		}
	}
	return c
}

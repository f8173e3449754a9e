package httppoll

import (
	"time"

	"trackerfleet/workers/source"
)

// watch is one watched transaction. All that can change is guarded by the source's mutex.
type watch struct {
	task     // in list mode only its page, and as at when it joined that
	src      *Source
	key      string // what fills the template; in list mode the id of the item
	observer source.Observer

	seen  int64   // when the provider was last heard to know it as pending; 0: never
	told  meaning // what the observer was told last
	quiet bool    // seen is later than what the observer was told
	asked bool    // refresh: tell even if nothing has changed
}

// due returns the task that looks at w.
func (w *watch) due() *task {
	if w.page != nil {
		return &w.page.task
	}
	return &w.task
}

// Wake does nothing: there are no heads.
func (w *watch) Wake(source.Wake) {}

// Refresh has the provider asked before all that are due, within the rate.
func (w *watch) Refresh() {
	s := w.src
	s.mu.Lock()
	defer s.mu.Unlock()
	if w.closed {
		return
	}
	w.asked = true
	s.urge(w.due())
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
	s.watched--
	if w.page != nil {
		s.leave(w)
		return
	}
	s.queue.remove(&w.task)
}

// Checks says when the provider last answered for the transaction and when it will be asked next.
func (w *watch) Checks() source.Checks {
	s, now := w.src, time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	t := w.due()
	var c source.Checks
	if t.last != 0 && (w.page == nil || t.last >= w.at) {
		c.Last, c.Endpoint = s.wall(now, t.last), s.name
	}
	if !w.closed {
		at := s.clock(now)
		c.Next = s.wall(now, max(t.at, s.gate.until, at)) // now: as soon as the rate allows
		c.Waiting = s.waiting(t, at, c.Next)
	}
	return c
}

// waiting says what t waits for at a time, beside being due.
func (s *Source) waiting(t *task, at int64, next time.Time) string {
	switch {
	case t.flying:
		return "the answer to a request"
	case s.gate.probing() || s.gate.until > at:
		return s.gate.wait(next)
	case t.at <= at:
		return "its turn, within the rate"
	}
	return ""
}

// tell tells the observer what differs between what it was told and what the provider says, and all of it if it was asked for.
// It reports whether the transaction has moved.
func (w *watch) tell(x said, now time.Time) (moved bool) {
	moved = x.meaning != unclear && x.meaning != w.told
	switch {
	case w.closed || x.meaning == unclear:
		return false
	case x.meaning == pending:
		w.tellPending(x.status, moved, now)
	case x.meaning == absent:
		if w.quiet { // so that the tracker knows when it was last seen
			w.observePending("", w.src.wall(now, w.seen))
		}
		w.observer.Observe(source.Observation{Kind: source.Absent, At: w.src.date(now), Endpoints: 1})
	case moved || w.asked:
		w.etag = "" // asked again, it is to be said again
		w.observer.Observe(source.Observation{
			Kind: source.Settled, At: w.src.date(now),
			Settlement: &source.Settlement{End: ends[x.meaning], ProviderStatus: x.status, Reason: x.reason},
		})
	}
	w.told, w.asked = x.meaning, false
	return moved
}

func (w *watch) tellPending(status string, moved bool, now time.Time) {
	w.seen, w.quiet = w.src.clock(now), true
	if moved || w.asked {
		w.observePending(status, now)
	}
}

func (w *watch) observePending(status string, at time.Time) {
	w.quiet = false
	w.observer.Observe(source.Observation{Kind: source.Pending, At: w.src.date(at), Pending: &source.PendingDetails{ProviderStatus: status}})
}

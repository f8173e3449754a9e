package soak

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"trackerfleet/bus"
)

// entry is what is known of one transaction.
type entry struct {
	events   uint32    // seen, which is the number of the last
	due      time.Time // when it may be confirmed; zero: never
	ended    time.Time // when its end was decided; zero: not yet
	asked    bool      // its start was asked for
	accepted bool      // that was answered
	stopping bool      // somebody has asked for its end
	down     bool      // it has crashed, and nothing of it was seen since
}

// ledger is what is known of all transactions: what was asked, and what the events say. Its methods may be called from any goroutine.
type ledger struct {
	plan Plan

	mu       sync.Mutex
	all      []entry
	staying  []int // numbers of those that are to be stopped, the oldest first
	counts   Counts
	lags     []time.Duration // of the events since the last sample
	faults   []string        // the first of them
	news     []string        // faults that nobody was told of yet
	unfinish int             // accepted, and the end not seen
}

// Counts count what was done and seen.
type Counts struct {
	Started   int `json:"started"`   // accepted
	Confirmed int `json:"confirmed"` // ended by the chain's course
	Stopped   int `json:"stopped"`   // ended because they were told to
	Crashed   int `json:"crashed"`
	Restarted int `json:"restarted"`
	Lookups   int `json:"lookups"`
	Stale     int `json:"stale"` // lookups that said so: the worker did not hear its own heartbeat for a while
	Events    int `json:"events"`

	Wrong  int `json:"wrong"`  // answers and events that cannot be
	Failed int `json:"failed"` // requests that were not answered as asked
}

// maxFaults is how many faults are told of.
const maxFaults = 20

// add enters a new transaction and returns its number.
func (l *ledger) add(due time.Time) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, entry{due: due, asked: true})
	return len(l.all) - 1
}

// accept notes that the start of transactions was accepted.
func (l *ledger) accept(numbers []int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, n := range numbers {
		e := &l.all[n]
		e.accepted = true
		l.counts.Started++
		if e.ended.IsZero() {
			l.unfinish++
		}
		if e.due.IsZero() {
			l.staying = append(l.staying, n)
		}
	}
}

// surplus takes out the oldest of those that stay, as many as there are beyond a number, for their end.
func (l *ledger) surplus(beyond int) []int {
	l.mu.Lock()
	defer l.mu.Unlock()
	k := max(0, len(l.staying)-beyond)
	out := append([]int(nil), l.staying[:k]...)
	l.staying = append(l.staying[:0], l.staying[k:]...)
	for _, n := range out {
		l.all[n].stopping = true
	}
	return out
}

// alive returns all that have not ended, and takes note that they are to end. Those that should have ended by themselves are wrong.
func (l *ledger) alive(now time.Time) []int {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []int
	for n := range l.all {
		e := &l.all[n]
		if !e.accepted || !e.ended.IsZero() {
			continue
		}
		if e.confirmable(now.Add(-overdue)) {
			l.wrongLocked("%s: not confirmed, though it was in a block %v ago", l.plan.id(n), now.Sub(e.due).Round(time.Second))
		}
		e.stopping = true
		out = append(out, n)
	}
	l.staying = nil
	return out
}

// waiting returns how many were accepted whose start was not seen yet.
func (l *ledger) waiting() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := 0
	for i := range l.all {
		if e := &l.all[i]; e.accepted && e.events == 0 {
			n++
		}
	}
	return n
}

// overdue is how long after its block a transaction is confirmed at the latest, however busy the machine is.
const overdue = 2 * time.Minute

// size returns how many transactions there are, whatever became of them.
func (l *ledger) size() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.all)
}

// of returns what is known of a transaction: nothing, if it was never started.
func (l *ledger) of(n int) entry {
	l.mu.Lock()
	defer l.mu.Unlock()
	if n >= len(l.all) {
		return entry{}
	}
	return l.all[n]
}

// crashing notes that a tracker is about to be crashed. It reports false if there is none that could be.
func (l *ledger) crashing(n int) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	e := &l.all[n]
	if e.events == 0 || e.down || !e.ended.IsZero() {
		return false
	}
	e.down = true
	return true
}

// crashed notes whether a tracker that was to be crashed was.
func (l *ledger) crashed(n int, did bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if did {
		l.counts.Crashed++
		return
	}
	l.all[n].down = false
}

// observe takes an event in, now.
func (l *ledger) observe(ev *bus.Event, now time.Time) {
	n, ok := l.number(ev.TransactionID)
	l.mu.Lock()
	defer l.mu.Unlock()
	if !ok || n >= len(l.all) {
		return // of another run on the same store
	}
	e := &l.all[n]
	l.counts.Events++
	l.lags = append(l.lags, now.Sub(ev.At))
	if ev.N != uint64(e.events)+1 {
		l.wrongLocked("%s: event %d, %s, follows event %d", ev.TransactionID, ev.N, ev.Type, e.events)
	}
	if !e.ended.IsZero() {
		l.wrongLocked("%s: event %s after its end", ev.TransactionID, ev.Type)
	}
	e.events = uint32(ev.N)
	if ev.Type == bus.EventRestarted {
		l.counts.Restarted++
		e.down = false
	}
	if ev.Terminal() {
		l.endedLocked(e, ev)
	}
}

func (l *ledger) endedLocked(e *entry, ev *bus.Event) {
	switch status := bus.Status(ev.Type); {
	case status == bus.StatusConfirmed && e.confirmable(ev.At):
		l.counts.Confirmed++
	case status == bus.StatusStopped && e.stopping:
		l.counts.Stopped++
	default:
		l.wrongLocked("%s: ended %s", ev.TransactionID, ev.Type)
	}
	if e.accepted && e.ended.IsZero() {
		l.unfinish--
	}
	e.ended, e.down = ev.At, false
}

// confirmable reports whether the transaction may have been confirmed by now.
func (e *entry) confirmable(now time.Time) bool { return !e.due.IsZero() && !now.Before(e.due) }

// number returns the number of a transaction of this run.
func (l *ledger) number(id bus.ID) (int, bool) {
	text, ok := strings.CutPrefix(id.String(), l.plan.Prefix+"_")
	n, err := strconv.Atoi(text)
	return n, ok && err == nil
}

// wrong notes what cannot be.
func (l *ledger) wrong(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.wrongLocked(format, args...)
}

func (l *ledger) wrongLocked(format string, args ...any) {
	l.counts.Wrong++
	l.faultLocked(fmt.Sprintf(format, args...))
}

// failed notes a request that was not answered as asked.
func (l *ledger) failed(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.counts.Failed++
	l.faultLocked(err.Error())
}

func (l *ledger) faultLocked(text string) {
	text = time.Now().Format(time.TimeOnly) + " " + text
	if len(l.faults) < maxFaults {
		l.faults = append(l.faults, text)
	}
	if len(l.news) < maxFaults {
		l.news = append(l.news, text)
	}
}

// lookedUp counts a lookup.
func (l *ledger) lookedUp(stale bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.counts.Lookups++
	if stale {
		l.counts.Stale++
	}
}

// open returns how many were accepted and have not ended, and how many have crashed and not come back.
func (l *ledger) open() (unfinished, down int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range l.all {
		if l.all[i].down {
			down++
		}
	}
	return l.unfinish, down
}

// firstFaults returns the first of the faults.
func (l *ledger) firstFaults() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.faults)
}

// untold returns the faults, not all if there are many, since it was called last.
func (l *ledger) untold() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	news := l.news
	l.news = nil
	return news
}

// counted returns the counts.
func (l *ledger) counted() Counts {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.counts
}

// take returns the counts, and the lags of the events since it was called last.
func (l *ledger) take() (Counts, []time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	lags := l.lags
	l.lags = nil
	return l.counts, lags
}

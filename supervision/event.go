package supervision

import (
	"sync"
	"time"
)

// EventKind says what happened to a child.
type EventKind uint8

const (
	// EventStarted: the first Init succeeded. Followed by EventRegistered.
	EventStarted EventKind = iota + 1
	// EventStartFailed: the first Init did not succeed; nothing is left. Not sent for ErrIgnore.
	EventStartFailed
	// EventRegistered: the name leads to the incarnation.
	EventRegistered
	// EventDown: the incarnation ended with Reason. Delay is the time to the restart, if there is one.
	EventDown
	// EventRestarted: a new incarnation's Init succeeded. Followed by EventRegistered.
	EventRestarted
	// EventParked: it crashed too often. Preceded by EventDown.
	EventParked
	// EventResumed: Resume took it out of Parked; its Init is to come.
	EventResumed
	// EventUnregistered: it ended for good and the name is free. Preceded by Down if there was an incarnation.
	EventUnregistered
	// EventAbandoned: a goroutine of it was given up, with its stack. Followed by EventDown.
	EventAbandoned
	// EventReturned: an abandoned goroutine has returned after all.
	EventReturned
)

var eventNames = [...]string{
	"unknown", "started", "start_failed", "registered", "down", "restarted", "parked", "resumed",
	"unregistered", "abandoned", "returned",
}

func (k EventKind) String() string {
	if int(k) < len(eventNames) {
		return eventNames[k]
	}
	return eventNames[0]
}

// Event is one step in the life of a child.
type Event struct {
	Kind        EventKind
	Child       *Child
	Incarnation uint64
	At          time.Time
	Reason      error         // of Down, StartFailed and Abandoned; the crash before, of Restarted and Parked
	Stack       Stack         // where Reason is a panic or Goexit, and of Abandoned
	Attempt     int           // of Down and Restarted: the number of the restart in a row
	Delay       time.Duration // of Down and Restarted: the time between them, as planned
	Missed      uint64        // events lost before this one because the observer was too slow
}

// eventQueue hands events to the observer by a goroutine that lives while there are some.
type eventQueue struct {
	observe func(Event)
	limit   int

	mu      sync.Mutex
	pending []Event
	spare   []Event
	running bool
	missed  uint64
	lost    uint64
	idle    chan struct{} // closed when nothing is left; nil when nobody waits
}

func (q *eventQueue) add(e Event) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.pending) >= q.limit {
		q.missed++
		q.lost++
		return
	}
	e.Missed, q.missed = q.missed, 0
	q.pending = append(q.pending, e)
	if !q.running {
		q.running = true
		go q.run()
	}
}

func (q *eventQueue) run() {
	for {
		batch := q.take()
		if batch == nil {
			return
		}
		for i := range batch {
			q.observe(batch[i])
		}
		clear(batch)
		q.giveBack(batch[:0])
	}
}

func (q *eventQueue) take() []Event {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.pending) == 0 {
		q.running = false
		q.spare = nil
		if q.idle != nil {
			close(q.idle)
			q.idle = nil
		}
		return nil
	}
	batch := q.pending
	q.pending, q.spare = q.spare, nil
	return batch
}

func (q *eventQueue) giveBack(spare []Event) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.spare = spare
}

// flushed returns a channel that is closed once the observer has seen everything.
func (q *eventQueue) flushed() <-chan struct{} {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.idle == nil {
		q.idle = make(chan struct{})
	}
	idle := q.idle
	if !q.running {
		close(q.idle)
		q.idle = nil
	}
	return idle
}

func (q *eventQueue) dropped() uint64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.lost
}

package registry

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
)

// EventKind says what happened to a key.
type EventKind uint8

const (
	Registered EventKind = iota + 1
	Unregistered
)

func (k EventKind) String() string {
	switch k {
	case Registered:
		return "registered"
	case Unregistered:
		return "unregistered"
	}
	return "unknown"
}

// Event is one change. Seq counts from 1 without gaps per listener.
type Event[K, P comparable] struct {
	Seq   uint64
	Kind  EventKind
	Key   K
	Owner P
}

// Listener records the changes of a table from the moment it was made until Close, the last capacity of them.
// Any number of readers may read it, each at its own position, and a reader that stopped resumes where it was.
type Listener[K, P comparable] struct {
	capacity int
	detach   func()

	mu     sync.Mutex
	ring   []Event[K, P]
	last   uint64
	closed bool
	news   chan struct{} // closed at the next change; nil when no reader waits
}

// audience are those who listen to the changes of a registry.
type audience[K, P comparable] struct {
	listening atomic.Pointer[[]*Listener[K, P]] // nil when nobody listens
	mu        sync.Mutex                        // guards writes to it
}

// Listen starts recording changes: those of every write that begins after Listen returned, in order per key.
// The last capacity changes are kept, at least one. Writers never wait for a reader; one that falls behind by more than
// capacity gets [ErrOverrun]. Call Close when done.
func (a *audience[K, P]) Listen(capacity int) *Listener[K, P] {
	l := &Listener[K, P]{capacity: max(capacity, 1)}
	l.detach = func() { a.setListeners(func(ls []*Listener[K, P]) []*Listener[K, P] { return without(ls, l) }) }
	a.setListeners(func(ls []*Listener[K, P]) []*Listener[K, P] { return append(ls, l) })
	return l
}

// Next returns the events after sequence number after that are there, at least one, waiting for it until ctx ends.
// Begin with after 0. It fails with [ErrOverrun] if some of them were overwritten, [ErrListenerClosed] after Close when none
// are left, or the cause of ctx.
func (l *Listener[K, P]) Next(ctx context.Context, after uint64) ([]Event[K, P], error) {
	for {
		events, news, err := l.read(after)
		if err != nil || len(events) > 0 {
			return events, err
		}
		select {
		case <-news:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// Last returns the sequence number of the latest event, 0 before the first.
func (l *Listener[K, P]) Last() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.last
}

// Close ends the recording. Readers get what is left, then [ErrListenerClosed]. Closing again does nothing.
func (l *Listener[K, P]) Close() {
	l.detach()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	l.wakeLocked()
}

func (l *Listener[K, P]) read(after uint64) ([]Event[K, P], <-chan struct{}, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	first := l.last - uint64(len(l.ring)) + 1
	switch {
	case after+1 < first:
		return nil, nil, ErrOverrun
	case after < l.last:
		events := make([]Event[K, P], 0, l.last-after)
		for seq := after + 1; seq <= l.last; seq++ {
			events = append(events, l.ring[(seq-1)%uint64(l.capacity)])
		}
		return events, nil, nil
	case l.closed:
		return nil, nil, ErrListenerClosed
	}
	if l.news == nil {
		l.news = make(chan struct{})
	}
	return nil, l.news, nil
}

func (l *Listener[K, P]) add(kind EventKind, key K, owner P) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return
	}
	l.last++
	e := Event[K, P]{Seq: l.last, Kind: kind, Key: key, Owner: owner}
	if len(l.ring) < l.capacity {
		l.ring = append(l.ring, e)
	} else {
		l.ring[(l.last-1)%uint64(l.capacity)] = e
	}
	l.wakeLocked()
}

func (l *Listener[K, P]) wakeLocked() {
	if l.news != nil {
		close(l.news)
		l.news = nil
	}
}

// notify is called under the key's shard lock, which gives the order per key.
func (a *audience[K, P]) notify(kind EventKind, key K, owner P) {
	ls := a.listening.Load()
	if ls == nil {
		return
	}
	for _, l := range *ls {
		l.add(kind, key, owner)
	}
}

func (a *audience[K, P]) setListeners(change func([]*Listener[K, P]) []*Listener[K, P]) {
	a.mu.Lock()
	defer a.mu.Unlock()
	var ls []*Listener[K, P]
	if p := a.listening.Load(); p != nil {
		ls = slices.Clone(*p)
	}
	ls = change(ls)
	if len(ls) == 0 {
		a.listening.Store(nil)
		return
	}
	a.listening.Store(&ls)
}

func without[T comparable](list []T, drop T) []T {
	return slices.DeleteFunc(list, func(v T) bool { return v == drop })
}

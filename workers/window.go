package workers

import (
	"context"
	"sync"
	"time"
)

// window is the starts under way: a bounded run of stream sequences, of which the lowest open one holds the cursor back.
type window struct {
	room    chan struct{} // one per start under way
	created time.Time     // when the stream of the sequences was made
	tenure  tenure        // of the pump's partition

	mu   sync.Mutex
	seen sighting
	done uint64 // it and all before have left
	open []windowed
	head int // open[:head] have left and wait to be cut off
}

type windowed struct {
	sequence uint64
	at       time.Time
	left     bool
}

// newWindow returns a window behind which everything up to and including done is settled.
func newWindow(done uint64, size int) *window {
	return &window{room: make(chan struct{}, size), done: done}
}

// enter waits for room and adds a sequence, which must be higher than all before. It returns false when ctx ends.
func (w *window) enter(ctx context.Context, sequence uint64, at time.Time) bool {
	select {
	case w.room <- struct{}{}:
	case <-ctx.Done():
		return false
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.open = append(w.open, windowed{sequence: sequence, at: at})
	return true
}

// leave settles a sequence that entered, once.
func (w *window) leave(sequence uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	i := w.find(sequence)
	if i < 0 || w.open[i].left {
		return
	}
	w.open[i].left = true
	for w.head < len(w.open) && w.open[w.head].left {
		w.done = w.open[w.head].sequence
		w.head++
	}
	if w.head == len(w.open) || w.head > cap(w.room) {
		w.open = append(w.open[:0], w.open[w.head:]...)
		w.head = 0
	}
	<-w.room
}

// find returns where a sequence is among the open ones, -1 if it is not.
func (w *window) find(sequence uint64) int {
	low, high := w.head, len(w.open)
	for low < high {
		mid := int(uint(low+high) >> 1)
		if w.open[mid].sequence < sequence {
			low = mid + 1
		} else {
			high = mid
		}
	}
	if low < len(w.open) && w.open[low].sequence == sequence {
		return low
	}
	return -1
}

// low returns the sequence that is settled with all before it.
func (w *window) low() uint64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.done
}

// sight notes the stream as it was seen just now.
func (w *window) sight(seen sighting) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seen = seen
}

// waited returns how long a start that the server stamped at has lain in the stream by now, as far as anybody knows.
func (w *window) waited(sequence uint64, at, now time.Time) time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.seen.waited(sequence, at, now)
}

// oldest returns when the oldest start under way was accepted, in Unix nanoseconds; 0: there is none.
func (w *window) oldest() int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.head == len(w.open) {
		return 0
	}
	return w.open[w.head].at.UnixNano()
}

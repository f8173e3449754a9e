package workers

import "sync"

// watermark knows up to which height everything that a source handed over is committed. A source's own checkpoint says
// only what was handed over; a tracker may still be deciding or writing. Saving a height below the lowest one in flight
// is what makes a replay from the saved checkpoint complete.
type watermark struct {
	mu       sync.Mutex
	inFlight map[uint64]int // height -> observations handed over at it and not settled
}

// begin notes an observation made at height. Every begin is followed by one settle with the same height.
func (w *watermark) begin(height uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.inFlight == nil {
		w.inFlight = make(map[uint64]int)
	}
	w.inFlight[height]++
}

// settle notes that what was observed at height is committed, or changed nothing.
func (w *watermark) settle(height uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.inFlight[height]--; w.inFlight[height] == 0 {
		delete(w.inFlight, height)
	}
}

// below returns the highest height, not above handed, up to which nothing is in flight. The number of heights in flight
// is small: a source emits a block's observations at once.
func (w *watermark) below(handed uint64) uint64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	for height := range w.inFlight {
		if height <= handed && height > 0 {
			handed = height - 1
		}
	}
	return handed
}

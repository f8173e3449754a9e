package workers

import (
	"context"
	"sync/atomic"
	"time"

	"trackerfleet/bus"
)

// roused is how many trackers may be awake at one time because of what their source has said. Each takes a goroutine and its stack
// until it has decided and the journal has taken what it writes; a head may touch all of a million at once.
const roused = 512

// rousing wakes trackers for what their source has said, some at a time, in the order in which it was said. What somebody waits for
// does not go through it.
type rousing struct {
	places chan struct{}   // one for each that is awake
	queue  *backlog[*cell] // that wait for a place
	wave   atomic.Uint32   // from 1; the places of an earlier one are not counted any more
	full   atomic.Int32    // how many wait for the journal; they do not hang
}

func newRousing() *rousing {
	r := &rousing{places: make(chan struct{}, roused), queue: newBacklog[*cell](1)}
	r.wave.Store(1)
	return r
}

// run wakes those in the queue until ctx ends.
func (r *rousing) run(ctx context.Context) {
	r.queue.run(ctx, func(ctx context.Context, c *cell) {
		if r.enter(ctx) {
			c.rouse()
		}
	})
}

// enter waits for a place. Where none becomes free for long, those that are awake hang, unless they wait for the journal: they are not
// waited for any more. It returns false when ctx has ended.
func (r *rousing) enter(ctx context.Context) bool {
	select {
	case r.places <- struct{}{}:
		return true
	default:
	}
	ticker := time.NewTicker(hungPause)
	defer ticker.Stop()
	for {
		select {
		case r.places <- struct{}{}:
			return true
		case <-ctx.Done():
			return false
		case <-ticker.C:
			if r.full.Load() > roused/2 {
				continue
			}
			r.wave.Add(1)
			for range roused {
				r.leave(r.wave.Load())
			}
		}
	}
}

// submit hands a write of a tracker to the journal.
func (w *Worker) submit(ctx context.Context, write bus.Write) error {
	w.rousing.full.Add(1)
	defer w.rousing.full.Add(-1)
	return w.journal.Submit(ctx, write)
}

// leave gives back a place that was taken in a wave.
func (r *rousing) leave(wave uint32) {
	if wave != r.wave.Load() {
		return
	}
	select {
	case <-r.places:
	default:
	}
}

// rouseLocked has the server decide on what the source has said: now if there is a place, else in its turn.
func (c *cell) rouseLocked() {
	on := c.onLocked()
	if c.flags.has(woken) || on.queued {
		return
	}
	select {
	case c.part.worker.rousing.places <- struct{}{}:
		c.takePlaceLocked()
	default:
		on.queued = true
		c.part.worker.rousing.queue.add(c)
	}
}

// goOn has what could not be written be decided again: in its turn, unless somebody waits for it.
func (c *cell) goOn() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.urgentLocked() {
		c.wakeLocked()
	} else if c.askedLocked() {
		c.rouseLocked()
	}
}

// rouse wakes the server of a cell whose turn it is, in the place that was taken for it.
func (c *cell) rouse() {
	c.mu.Lock()
	defer c.mu.Unlock()
	on := c.onLocked()
	on.queued = false
	c.takePlaceLocked()
	c.idleLocked()
}

// takePlaceLocked wakes the server in the place that was taken for it, and gives the place back if the server has one already or there
// is nothing that it would do. That it has one does not mean that it will look once more.
func (c *cell) takePlaceLocked() {
	on, r := c.onLocked(), c.part.worker.rousing
	switch {
	case c.flags.has(woken) || c.flags.has(ended) || !on.heard && !c.askedLocked():
		r.leave(r.wave.Load())
		return
	case on.place != 0:
		r.leave(r.wave.Load())
	default:
		on.place = r.wave.Load()
	}
	c.wakeLocked()
	if !c.flags.has(woken) {
		c.restLocked()
	}
}

// restLocked gives back the cell's place, if it has one.
func (c *cell) restLocked() {
	if place := c.hadLocked().place; place != 0 {
		c.occasion.place = 0
		c.part.worker.rousing.leave(place)
	}
}

// rest says that the server is through with what it was woken for.
func (c *cell) rest() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.restLocked()
	c.idleLocked()
}

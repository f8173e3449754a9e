package workers

import (
	"context"
	"time"
)

// roused is how many trackers may be awake at one time because of what their source has said. Each takes a goroutine and its stack
// until it has decided and the journal has taken what it writes; a head may touch all of a million at once.
const roused = 512

// rousing wakes trackers for what their source has said, some at a time, in the order in which it was said. What somebody waits for
// does not go through it.
type rousing struct {
	places chan struct{}   // one for each that is awake
	queue  *backlog[*cell] // that wait for a place
}

func newRousing() *rousing {
	return &rousing{places: make(chan struct{}, roused), queue: newBacklog[*cell](1)}
}

// run wakes those in the queue until ctx ends.
func (r *rousing) run(ctx context.Context) {
	r.queue.run(ctx, func(ctx context.Context, c *cell) {
		if r.enter(ctx) {
			c.rouse()
		}
	})
}

// enter waits for a place. Where none becomes free for long, those that are awake hang: they are not waited for any more. It
// returns false when ctx has ended.
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
			for range roused {
				r.leave()
			}
		}
	}
}

// leave gives a place back, if there is one that is taken.
func (r *rousing) leave() {
	select {
	case <-r.places:
	default:
	}
}

// rouseLocked has the server decide on what the source has said: now if there is a place, else in its turn.
func (c *cell) rouseLocked() {
	on := c.onLocked()
	if c.woken || on.queued {
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

// rouse wakes the server of a cell whose turn it is, in the place that was taken for it.
func (c *cell) rouse() {
	c.mu.Lock()
	defer c.mu.Unlock()
	on := c.onLocked()
	on.queued = false
	c.takePlaceLocked()
	c.idleLocked()
}

// takePlaceLocked wakes the server, and lets go of the place that was taken for it if there is nothing that it would do.
func (c *cell) takePlaceLocked() {
	on := c.onLocked()
	if on.placed || c.woken || c.ended || !on.heard {
		c.part.worker.rousing.leave()
		return
	}
	on.placed = true
	c.wakeLocked()
	if !c.woken {
		c.restLocked()
	}
}

// restLocked gives back the cell's place, if it has one.
func (c *cell) restLocked() {
	if c.hadLocked().placed {
		c.occasion.placed = false
		c.part.worker.rousing.leave()
	}
}

// rest says that the server is through with what it was woken for.
func (c *cell) rest() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.restLocked()
	c.idleLocked()
}

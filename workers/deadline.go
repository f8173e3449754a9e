package workers

import (
	"container/heap"
	"context"
	"sync"
	"time"
)

// deadlines calls back when cells' deadlines pass: one goroutine and one timer for all of them.
type deadlines struct {
	began time.Time     // with its monotonic reading
	kick  chan struct{} // 1: the earliest deadline changed

	mu   sync.Mutex
	heap deadlineHeap
}

func newDeadlines() *deadlines { return &deadlines{began: time.Now(), kick: make(chan struct{}, 1)} }

// set plans c's deadline, in place of the one set before. It has a reading of the monotonic clock, as what clock.due returns, so
// that a wall clock that is set changes nothing. The zero time plans none.
func (d *deadlines) set(c *cell, at time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if at.IsZero() {
		d.removeLocked(c)
		return
	}
	if i, planned := d.heap.places[c]; planned {
		d.heap.plans[i].at = at.Sub(d.began)
		heap.Fix(&d.heap, int(i))
	} else {
		heap.Push(&d.heap, deadline{at: at.Sub(d.began), cell: c})
	}
	if d.heap.plans[0].cell == c {
		d.kickLocked()
	}
}

// remove forgets c's deadline.
func (d *deadlines) remove(c *cell) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.removeLocked(c)
}

func (d *deadlines) removeLocked(c *cell) {
	if i, planned := d.heap.places[c]; planned {
		heap.Remove(&d.heap, int(i))
	}
}

func (d *deadlines) kickLocked() {
	select {
	case d.kick <- struct{}{}:
	default:
	}
}

// run calls expire for each cell whose deadline has passed, until ctx ends. expire must not block.
func (d *deadlines) run(ctx context.Context, expire func(*cell)) {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		due, next := d.due(time.Now())
		for _, c := range due {
			expire(c)
		}
		timer.Reset(next)
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		case <-d.kick:
		}
	}
}

// due takes out the cells whose deadline is not after now and returns how long to sleep for the next one.
func (d *deadlines) due(now time.Time) (cells []*cell, next time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	passed := now.Sub(d.began)
	for d.heap.Len() > 0 && d.heap.plans[0].at <= passed {
		cells = append(cells, heap.Pop(&d.heap).(deadline).cell)
	}
	if d.heap.Len() == 0 {
		return cells, time.Hour
	}
	return cells, d.heap.plans[0].at - passed
}

type deadline struct {
	at   time.Duration // since began
	cell *cell
}

// deadlineHeap knows the place of each cell that has a deadline, and nothing of the others: most trackers have none.
type deadlineHeap struct {
	plans  []deadline
	places map[*cell]int32 // nil while there is no deadline
}

func (h *deadlineHeap) Len() int           { return len(h.plans) }
func (h *deadlineHeap) Less(i, j int) bool { return h.plans[i].at < h.plans[j].at }

func (h *deadlineHeap) Swap(i, j int) {
	if i == j {
		return
	}
	h.plans[i], h.plans[j] = h.plans[j], h.plans[i]
	h.places[h.plans[i].cell], h.places[h.plans[j].cell] = int32(i), int32(j)
}

func (h *deadlineHeap) Push(x any) {
	d := x.(deadline)
	if h.places == nil {
		h.places = make(map[*cell]int32)
	}
	h.places[d.cell] = int32(len(h.plans))
	h.plans = append(h.plans, d)
}

func (h *deadlineHeap) Pop() any {
	last := len(h.plans) - 1
	d := h.plans[last]
	h.plans[last] = deadline{}
	h.plans = h.plans[:last]
	delete(h.places, d.cell)
	if last == 0 {
		*h = deadlineHeap{} // neither gives memory back otherwise
	}
	return d
}

package workers

import (
	"container/heap"
	"context"
	"sync"
	"time"
)

// deadlines calls back when cells' deadlines pass: one goroutine and one timer for all of them.
type deadlines struct {
	mu   sync.Mutex
	heap deadlineHeap
	kick chan struct{} // 1: the earliest deadline changed
}

func newDeadlines() *deadlines { return &deadlines{kick: make(chan struct{}, 1)} }

// set plans c's deadline, in place of the one set before. The zero time plans none.
func (d *deadlines) set(c *cell, at time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case at.IsZero():
		d.removeLocked(c)
		return
	case c.deadlineIndex > 0:
		d.heap[c.deadlineIndex-1].at = at
		heap.Fix(&d.heap, int(c.deadlineIndex-1))
	default:
		heap.Push(&d.heap, deadline{at: at, cell: c})
	}
	if d.heap[0].cell == c {
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
	if c.deadlineIndex > 0 {
		heap.Remove(&d.heap, int(c.deadlineIndex-1))
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
	for len(d.heap) > 0 && !d.heap[0].at.After(now) {
		cells = append(cells, heap.Pop(&d.heap).(deadline).cell)
	}
	if len(d.heap) == 0 {
		return cells, time.Hour
	}
	return cells, d.heap[0].at.Sub(now)
}

type deadline struct {
	at   time.Time
	cell *cell
}

// deadlineHeap keeps each cell's place in cell.deadlineIndex, counted from 1 so that a new cell is in no heap.
type deadlineHeap []deadline

func (h deadlineHeap) Len() int           { return len(h) }
func (h deadlineHeap) Less(i, j int) bool { return h[i].at.Before(h[j].at) }

func (h deadlineHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].cell.deadlineIndex, h[j].cell.deadlineIndex = int32(i+1), int32(j+1)
}

func (h *deadlineHeap) Push(x any) {
	d := x.(deadline)
	*h = append(*h, d)
	d.cell.deadlineIndex = int32(len(*h))
}

func (h *deadlineHeap) Pop() any {
	old := *h
	last := old[len(old)-1]
	old[len(old)-1] = deadline{}
	*h = old[:len(old)-1]
	last.cell.deadlineIndex = 0
	return last
}

package httppoll

import "container/heap"

// task is one thing to ask for again and again: the one transaction of a watch, or a page of a list.
type task struct {
	at    int64  // when it is due, on the source's clock; below 0: asked for, in this order
	last  int64  // when it was last answered; 0: never
	etag  string // of the answer that what was told rests on
	watch *watch // whose it is
	page  *page  // or this one's
	index int32  // in the queue, counted from 1; 0: not in it
	step  uint8  // the interval it is in, counted from 1; 0: before the first

	flying bool // a request is under way
	again  bool // asked for meanwhile
	joined bool // a page that was joined meanwhile
	closed bool
}

// queue holds the tasks that wait, the next one first. All operations cost O(log n).
type queue []*task

func (q queue) Len() int           { return len(q) }
func (q queue) Less(i, j int) bool { return q[i].at < q[j].at }

// Swap is for the heap.
func (q queue) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].index, q[j].index = int32(i+1), int32(j+1)
}

// Push is for the heap.
func (q *queue) Push(v any) {
	t := v.(*task)
	t.index = int32(len(*q) + 1)
	*q = append(*q, t)
}

// Pop is for the heap.
func (q *queue) Pop() any {
	last := len(*q) - 1
	t := (*q)[last]
	(*q)[last] = nil
	*q = (*q)[:last]
	t.index = 0
	return t
}

// put has t due at a time, in place of what was before.
func (q *queue) put(t *task, at int64) {
	t.at = at
	if t.index == 0 {
		heap.Push(q, t)
		return
	}
	heap.Fix(q, int(t.index-1))
}

// remove takes t out, if it is in.
func (q *queue) remove(t *task) {
	if t.index != 0 {
		heap.Remove(q, int(t.index-1))
	}
}

// next returns the task that is due first, and leaves it in; nil if there is none.
func (q queue) next() *task {
	if len(q) == 0 {
		return nil
	}
	return q[0]
}

// nextBut returns the task that is due first, another than t if there is one.
func (q queue) nextBut(t *task) *task {
	switch {
	case len(q) < 2 || q[0] != t:
		return q.next()
	case len(q) > 2 && q.Less(2, 1):
		return q[2]
	}
	return q[1]
}

package ethereum

import "container/heap"

// dues are watches ordered by the height they wait for. A watch knows its position, so that it leaves in O(log n).
type dues []*watch

// add puts w in; it must be in no dues.
func (d *dues) add(w *watch) { heap.Push((*dueHeap)(d), w) }

// remove takes w out; it must be in.
func (d *dues) remove(w *watch) { heap.Remove((*dueHeap)(d), int(w.due)) }

// next takes the watch out that waits for the lowest height, if height has reached it.
func (d *dues) next(height uint64) (*watch, bool) {
	if len(*d) == 0 || (*d)[0].wake > height {
		return nil, false
	}
	return heap.Pop((*dueHeap)(d)).(*watch), true
}

type dueHeap []*watch

func (h dueHeap) Len() int           { return len(h) }
func (h dueHeap) Less(i, j int) bool { return h[i].wake < h[j].wake }
func (h dueHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].due, h[j].due = int32(i), int32(j)
}

func (h *dueHeap) Push(x any) {
	w := x.(*watch)
	w.due = int32(len(*h))
	*h = append(*h, w)
}

func (h *dueHeap) Pop() any {
	last := len(*h) - 1
	w := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	w.due = -1
	return w
}

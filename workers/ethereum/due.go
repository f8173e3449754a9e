package ethereum

import "container/heap"

// dues are watches by the height they wait for. A watch comes and goes in O(1), unless it is the first or last of its height:
// then it takes O(log of the heights waited for). The zero value is empty.
type dues struct {
	n       int
	at      map[uint64]*due
	heights dueHeap // the same, lowest first
}

// due are the watches that wait for one height, in no order.
type due struct {
	height   uint64
	position int // in heights
	ws       []*watch
}

// add puts w in; it must be in no dues.
func (d *dues) add(w *watch) {
	at := d.at[w.wake]
	if at == nil {
		if d.at == nil {
			d.at = map[uint64]*due{}
		}
		at = &due{height: w.wake}
		d.at[w.wake] = at
		heap.Push(&d.heights, at)
	}
	w.due = int32(len(at.ws))
	at.ws = append(at.ws, w)
	d.n++
}

// remove takes w out; it must be in.
func (d *dues) remove(w *watch) {
	at := d.at[w.wake]
	last := len(at.ws) - 1
	at.ws[last].due = w.due
	at.ws[w.due] = at.ws[last]
	at.ws[last] = nil
	at.ws = at.ws[:last]
	w.due = -1
	if d.n--; last == 0 {
		delete(d.at, w.wake)
		heap.Remove(&d.heights, at.position)
	}
}

// next takes a watch out that waits for the lowest height, if height has reached it.
func (d *dues) next(height uint64) (*watch, bool) {
	if len(d.heights) == 0 || d.heights[0].height > height {
		return nil, false
	}
	ws := d.heights[0].ws
	w := ws[len(ws)-1]
	d.remove(w)
	return w, true
}

type dueHeap []*due

func (h dueHeap) Len() int           { return len(h) }
func (h dueHeap) Less(i, j int) bool { return h[i].height < h[j].height }
func (h dueHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].position, h[j].position = i, j
}

func (h *dueHeap) Push(x any) {
	d := x.(*due)
	d.position = len(*h)
	*h = append(*h, d)
}

func (h *dueHeap) Pop() any {
	last := len(*h) - 1
	d := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	return d
}

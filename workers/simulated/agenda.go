package simulated

import "container/heap"

// agenda holds watches by the number (a round or a height) at which something is due for them. Adding, removing and taking
// one cost O(log n) in the number of different numbers, not of watches. Every watch knows its place in it.
type agenda struct {
	buckets map[uint64][]*watch
	numbers numbers // of the buckets, each at least once; numbers without a bucket are skipped
	entry   func(*watch) entry
}

// entry is a watch's place in an agenda: the number, and the position in its bucket, counted from 1; 0: not in the agenda.
type entry struct {
	number *uint64
	pos    *int32
}

// stale is how many numbers without a bucket are kept at least, so that clearing them out is worth it.
const stale = 1024

func newAgenda(of func(*watch) entry) agenda {
	return agenda{buckets: map[uint64][]*watch{}, entry: of}
}

// put enters w under the number, in place of where it was before.
func (a *agenda) put(w *watch, number uint64) {
	e := a.entry(w)
	if *e.pos != 0 {
		if *e.number == number {
			return
		}
		a.remove(w)
	}
	bucket, ok := a.buckets[number]
	if !ok {
		heap.Push(&a.numbers, number)
	}
	bucket = append(bucket, w)
	a.buckets[number] = bucket
	*e.number, *e.pos = number, int32(len(bucket))
}

// remove takes w out; it does nothing if w is not in.
func (a *agenda) remove(w *watch) {
	e := a.entry(w)
	if *e.pos == 0 {
		return
	}
	bucket := a.buckets[*e.number]
	last := bucket[len(bucket)-1]
	bucket[*e.pos-1] = last
	*a.entry(last).pos = *e.pos
	bucket[len(bucket)-1] = nil
	if bucket = bucket[:len(bucket)-1]; len(bucket) > 0 {
		a.buckets[*e.number] = bucket
	} else {
		delete(a.buckets, *e.number)
	}
	*e.pos = 0
	if len(a.numbers) > 2*len(a.buckets)+stale {
		a.rebuild()
	}
}

// rebuild drops the numbers without a bucket.
func (a *agenda) rebuild() {
	a.numbers = a.numbers[:0]
	for n := range a.buckets {
		a.numbers = append(a.numbers, n)
	}
	heap.Init(&a.numbers)
}

// next returns a watch with the lowest number that is not above limit, and leaves it in; nil if there is none.
func (a *agenda) next(limit uint64) *watch {
	for len(a.numbers) > 0 && a.numbers[0] <= limit {
		if bucket := a.buckets[a.numbers[0]]; len(bucket) > 0 {
			return bucket[len(bucket)-1]
		}
		heap.Pop(&a.numbers)
	}
	return nil
}

// numbers is a heap.
type numbers []uint64

func (n numbers) Len() int           { return len(n) }
func (n numbers) Less(i, j int) bool { return n[i] < n[j] }
func (n numbers) Swap(i, j int)      { n[i], n[j] = n[j], n[i] }
func (n *numbers) Push(v any)        { *n = append(*n, v.(uint64)) }

func (n *numbers) Pop() any {
	last := (*n)[len(*n)-1]
	*n = (*n)[:len(*n)-1]
	return last
}

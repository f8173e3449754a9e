package polled

// row is one reference that is watched, or that was when the call under way began.
type row struct {
	ref     string
	watches []*watch

	looked int64 // when Ask last answered for it, in Unix nanoseconds; 0: never
	known  State // as it was told last
	told   bool  // something was told
	found  bool  // and it was known then

	asking bool // the call under way asks for it
	again  bool // what is asked now comes too early for one of its watches

	in         *queue // nil: not to be asked
	prev, next *row
}

// queue is a list of rows through the rows themselves. The zero queue is empty.
type queue struct{ first, last *row }

// put makes r the last, or the first, of q; it must be in no queue.
func (q *queue) put(r *row, first bool) {
	r.in = q
	switch {
	case q.first == nil:
		q.first, q.last = r, r
	case first:
		r.next, q.first.prev, q.first = q.first, r, r
	default:
		r.prev, q.last.next, q.last = q.last, r, r
	}
}

// leave takes r out of the queue it is in, if any.
func (r *row) leave() {
	if r.in == nil {
		return
	}
	if r.prev != nil {
		r.prev.next = r.next
	} else {
		r.in.first = r.next
	}
	if r.next != nil {
		r.next.prev = r.prev
	} else {
		r.in.last = r.prev
	}
	r.in, r.prev, r.next = nil, nil, nil
}

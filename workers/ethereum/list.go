package ethereum

// list is a doubly linked list through the watches themselves: a watch is in at most one, and leaves it in O(1).
type list struct {
	first, last *watch
	n           int
}

func (l *list) pushBack(w *watch) {
	w.leave()
	w.in, w.prev, w.next = l, l.last, nil
	if l.last != nil {
		l.last.next = w
	} else {
		l.first = w
	}
	l.last = w
	l.n++
}

func (l *list) pushFront(w *watch) {
	w.leave()
	w.in, w.prev, w.next = l, nil, l.first
	if l.first != nil {
		l.first.prev = w
	} else {
		l.last = w
	}
	l.first = w
	l.n++
}

// popFront takes the first watch out; nil when there is none.
func (l *list) popFront() *watch {
	w := l.first
	if w != nil {
		w.leave()
	}
	return w
}

// all returns the watches in order; the list may change afterwards.
func (l *list) all() []*watch {
	if l == nil {
		return nil
	}
	ws := make([]*watch, 0, l.n)
	for w := l.first; w != nil; w = w.next {
		ws = append(ws, w)
	}
	return ws
}

// leave takes w out of the list it is in, if it is in one.
func (w *watch) leave() {
	l := w.in
	if l == nil {
		return
	}
	if w.prev != nil {
		w.prev.next = w.next
	} else {
		l.first = w.next
	}
	if w.next != nil {
		w.next.prev = w.prev
	} else {
		l.last = w.prev
	}
	w.in, w.prev, w.next = nil, nil, nil
	l.n--
}

package ethereum

// room is which of the book's lists a watch is in: one byte, as a watch has millions of siblings.
type room uint8

const (
	outside  room = iota // in none: its look-up is under way
	inUrgent             // to be looked up now
	inAgain              // to be looked up at the next poll: the last try said nothing
	inSilent             // in no block
	inUsedUp             // in no block, and its nonce is used up
	inOwed               // in a block, the receipt is to be fetched
	inSeated             // in a block and told so
	closed               // in none for good
)

// list is a doubly linked list through the watches themselves: a watch is in at most one, and leaves it in O(1).
type list struct {
	room        room
	first, last *watch
	n           int
}

// pushBack takes w out of the list it is in and puts it at the end of this one.
func (l *list) pushBack(w *watch) {
	w.src.book.unlist(w)
	w.in, w.prev, w.next = l.room, l.last, nil
	if l.last != nil {
		l.last.next = w
	} else {
		l.first = w
	}
	l.last = w
	l.n++
}

// pushFront takes w out of the list it is in and puts it at the front of this one.
func (l *list) pushFront(w *watch) {
	w.src.book.unlist(w)
	w.in, w.prev, w.next = l.room, nil, l.first
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
		l.cut(w)
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

// cut takes w out; it must be in.
func (l *list) cut(w *watch) {
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
	w.in, w.prev, w.next = outside, nil, nil
	l.n--
}

package peers

import (
	"sync"
	"testing"
	"time"

	"github.com/puzpuzpuz/xsync/v4"
)

// goroutines are what one writes without any library: a goroutine, a channel and a map. It recovers and begins again, and knows nothing of
// intensity, backoff, timeouts or order at the end.
type goroutines struct {
	names names
	all   sync.WaitGroup
	boxes []mailbox
}

type mailbox chan any

// mailboxSize is how many messages wait before a sender does.
const mailboxSize = 8

type ask struct {
	n     int
	reply chan<- int
}

func newGoroutines(names names) fleet { return &goroutines{names: names} }

func (f *goroutines) start(b testing.TB, ids []string) {
	begun := newGate(len(ids))
	for _, id := range ids {
		box := make(mailbox, mailboxSize)
		if !f.names.register(id, box) {
			b.Fatalf("%s is taken", id)
		}
		f.boxes = append(f.boxes, box)
		f.all.Go(func() {
			begun.come()
			for box.live() {
			}
		})
	}
	<-begun.open
}

func (f *goroutines) child(b testing.TB, id string) child {
	box, ok := f.names.lookup(id)
	if !ok {
		b.Fatalf("no %s", id)
	}
	return box
}

func (f *goroutines) stop(testing.TB) {
	for _, box := range f.boxes {
		close(box)
	}
	f.all.Wait()
}

// live reports whether it ended by a panic.
func (m mailbox) live() (again bool) {
	defer func() { again = recover() != nil }()
	for msg := range m {
		m.handle(msg)
	}
	return false
}

func (m mailbox) handle(msg any) {
	switch msg := msg.(type) {
	case ask:
		msg.reply <- msg.n
	case crash:
		m <- msg.now()
		panic("crash")
	case alive:
		msg.tell()
	}
}

func (m mailbox) call(b testing.TB, n int) int {
	reply := make(chan int, 1)
	m <- ask{n, reply}
	select {
	case n = <-reply:
	case <-b.Context().Done():
	}
	return n
}

func (m mailbox) crash(_ testing.TB, away chan<- time.Duration) { m <- crash{away} }

// names are a registry.
type names interface {
	register(id string, box mailbox) bool
	lookup(id string) (mailbox, bool)
}

type lockedMap struct {
	mu    sync.RWMutex
	boxes map[string]mailbox
}

func (l *lockedMap) register(id string, box mailbox) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, taken := l.boxes[id]; taken {
		return false
	}
	if l.boxes == nil {
		l.boxes = make(map[string]mailbox)
	}
	l.boxes[id] = box
	return true
}

func (l *lockedMap) lookup(id string) (mailbox, bool) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	box, ok := l.boxes[id]
	return box, ok
}

type syncMap struct{ boxes sync.Map }

func (s *syncMap) register(id string, box mailbox) bool {
	_, taken := s.boxes.LoadOrStore(id, box)
	return !taken
}

func (s *syncMap) lookup(id string) (mailbox, bool) {
	box, ok := s.boxes.Load(id)
	if !ok {
		return nil, false
	}
	return box.(mailbox), true
}

type xsyncMap struct{ boxes *xsync.Map[string, mailbox] }

func newXsyncMap() *xsyncMap { return &xsyncMap{xsync.NewMap[string, mailbox]()} }

func (x *xsyncMap) register(id string, box mailbox) bool {
	_, taken := x.boxes.LoadOrStore(id, box)
	return !taken
}

func (x *xsyncMap) lookup(id string) (mailbox, bool) { return x.boxes.Load(id) }

package supervision

import (
	"fmt"
	"runtime"
	"strings"
	"sync"
	"time"
)

// AbandonedChild is a goroutine that was given up because it did not end in time. It is fenced: nothing it does changes the
// child any more.
type AbandonedChild struct {
	ID          string
	Incarnation uint64
	Reason      error // ErrInitTimeout, ErrShutdownTimeout or ErrKilled
	At          time.Time
	Stack       Stack // where it hung; empty for ErrKilled
}

// leaks are the abandoned goroutines that still run.
type leaks struct {
	mu   sync.Mutex
	runs map[*run]AbandonedChild
}

func (l *leaks) add(r *run, a AbandonedChild) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.runs == nil {
		l.runs = make(map[*run]AbandonedChild)
	}
	l.runs[r] = a
}

func (l *leaks) remove(r *run) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.runs, r)
}

func (l *leaks) len() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.runs)
}

func (l *leaks) list() []AbandonedChild {
	l.mu.Lock()
	defer l.mu.Unlock()
	list := make([]AbandonedChild, 0, len(l.runs))
	for _, a := range l.runs {
		list = append(list, a)
	}
	return list
}

// Abandoned returns the goroutines that were given up and still run.
func (s *Supervisor) Abandoned() []AbandonedChild { return s.leaks.list() }

// armLocked bounds what the run does next, in place of an earlier bound, unless d is 0.
func (r *run) armLocked(d time.Duration, reason error) {
	if d > 0 {
		r.disarmLocked()
		r.timer = time.AfterFunc(d, func() { r.expire(reason) })
	}
}

func (r *run) disarmLocked() {
	if r.timer != nil {
		r.timer.Stop()
		r.timer = nil
	}
}

// expire abandons the run if it is still at what reason is about.
func (r *run) expire(reason error) {
	c := r.child
	if !r.late(reason) {
		return
	}
	stack := r.stack()
	c.mu.Lock()
	defer c.mu.Unlock()
	if r.lateLocked(reason) {
		c.abandonLocked(r, reason, stack)
	}
}

func (r *run) late(reason error) bool {
	r.child.mu.Lock()
	defer r.child.mu.Unlock()
	return r.lateLocked(reason)
}

func (r *run) lateLocked(reason error) bool {
	c := r.child
	return c.run == r && c.busy && (reason != ErrInitTimeout || !r.inited)
}

func (c *Child) abandonLocked(r *run, reason error, stack Stack) {
	c.sup.leaks.add(r, AbandonedChild{ID: c.id, Incarnation: c.Incarnation(), Reason: reason, At: time.Now(), Stack: stack})
	c.sendLocked(Event{Kind: EventAbandoned, Reason: reason, Stack: stack})
	r.scope.cancel(ErrAbandoned)
	if next := c.endLocked(r, reason); next != nil {
		go next.main()
	}
}

const maxDump = 16 << 20

// stack finds the run's goroutine in a dump of all: a goroutine has no other name than the arguments of its functions. This
// stops the world for the time of the dump, which is why only goroutines given up are looked for.
func (r *run) stack() Stack {
	size := 256 << 10
	for {
		buf := make([]byte, size)
		n := runtime.Stack(buf, true)
		if n < size || size >= maxDump {
			return Stack{text: goroutineWith(string(buf[:n]), fmt.Sprintf("supervision.(*run).live(%p", r))}
		}
		size *= 4
	}
}

func goroutineWith(dump, mark string) string {
	i := strings.Index(dump, mark)
	if i < 0 {
		return ""
	}
	start := strings.LastIndex(dump[:i], "\n\n") + 1
	text := dump[start:]
	if end := strings.Index(text[1:], "\n\n"); end >= 0 {
		text = text[:end+1]
	}
	return strings.TrimSpace(text)
}

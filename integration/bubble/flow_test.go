package bubble

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// flow is one direction of a link: a queue of bytes without a bound.
type flow struct {
	mu      sync.Mutex
	changed chan struct{} // closed at the next change
	bytes   []byte
	held    bool
	lost    bool
	err     error
	due     time.Time
}

func newFlow() *flow { return &flow{changed: make(chan struct{})} }

func (f *flow) change(apply func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	apply()
	close(f.changed)
	f.changed = make(chan struct{})
}

func (f *flow) hold(on bool)         { f.change(func() { f.held = on }) }
func (f *flow) lose()                { f.change(func() { f.lost = true }) }
func (f *flow) deadline(t time.Time) { f.change(func() { f.due = t }) }

func (f *flow) end(err error) {
	f.change(func() {
		if f.err == nil {
			f.err = err
		}
	})
}

// drop ends the flow and loses what is in it.
func (f *flow) drop() {
	f.change(func() { f.lost, f.bytes, f.held, f.err = true, nil, false, net.ErrClosed })
}

// Write queues b, or loses it when the flow has ended. It never blocks and never fails.
func (f *flow) Write(b []byte) (n int, err error) {
	f.change(func() {
		if f.err == nil && !f.lost {
			f.bytes = append(f.bytes, b...)
		}
	})
	return len(b), nil
}

// Read waits for bytes that may pass.
func (f *flow) Read(b []byte) (int, error) {
	for {
		f.mu.Lock()
		if !f.held && !f.lost && len(f.bytes) > 0 {
			n := copy(b, f.bytes)
			f.bytes = f.bytes[n:]
			f.mu.Unlock()
			return n, nil
		}
		changed, err, due := f.changed, f.err, f.due
		held := f.held && errors.Is(err, io.EOF) && len(f.bytes) > 0 // said before the end
		f.mu.Unlock()
		if err != nil && !held {
			return 0, err
		}
		if !await(changed, due) {
			return 0, os.ErrDeadlineExceeded
		}
	}
}

// await reports whether changed was closed before due; the zero time means for ever.
func await(changed <-chan struct{}, due time.Time) bool {
	var late <-chan time.Time
	if !due.IsZero() {
		timer := time.NewTimer(time.Until(due))
		defer timer.Stop()
		late = timer.C
	}
	select {
	case <-changed:
		return true
	case <-late:
		return false
	}
}

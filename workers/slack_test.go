package workers

import (
	"runtime"
	"testing"
	"time"
)

// TestMemoryIsReturnedWhenItIsQuiet: not while trackers come or go, not for little, and not all the time.
func TestMemoryIsReturnedWhenItIsQuiet(t *testing.T) {
	const mb = 1 << 20
	begin := time.Unix(1_700_000_000, 0)
	much, little := heapUse{live: 400 * mb, held: 800 * mb}, heapUse{live: 400 * mb, held: 520 * mb}
	var s slack
	for i, look := range []struct {
		after    time.Duration
		trackers int
		heap     heapUse
		want     bool
	}{
		{0, 1000, much, false},
		{time.Second, 2000, much, false}, // they come
		{2 * time.Second, 2000, little, false},
		{3 * time.Second, 2000, heapUse{live: mb, held: 30 * mb}, false},
		{4 * time.Second, 2000, much, true},
		{5 * time.Second, 2000, much, false}, // just now
		{63 * time.Second, 1000, much, false},
		{64 * time.Second, 1000, much, true},
		{200 * time.Second, 1100, much, false},
		{201 * time.Second, 1100, much, false}, // about as many as the last time
	} {
		if got := s.due(begin.Add(look.after), look.trackers, look.heap); got != look.want {
			t.Errorf("look %d: %v, want %v", i, got, look.want)
		}
	}
}

// TestHeapIsRead: the runtime has the metrics by these names.
func TestHeapIsRead(t *testing.T) {
	runtime.GC()
	if h := readHeap(); h.live == 0 || h.held < h.live {
		t.Errorf("heap is %+v", h)
	}
}

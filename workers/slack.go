package workers

import (
	"context"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

const (
	slackLook  = time.Second
	slackPause = time.Minute // at least, from one time to the next: each is a collection
	slackMin   = 32 << 20    // bytes
)

// giveBack returns memory to the system, until ctx ends, that the collector holds for a heap which does not grow any more. After
// many starts that is as much as what is in use.
func (w *Worker) giveBack(ctx context.Context) error {
	ticker := time.NewTicker(slackLook)
	defer ticker.Stop()
	var s slack
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case now := <-ticker.C:
			if s.due(now, w.trackers.CountChildren().Total(), readHeap()) {
				debug.FreeOSMemory()
			}
		}
	}
}

// slack decides when memory is to be returned.
type slack struct {
	trackers int // at the last look
	returned time.Time
	then     int // trackers when it was returned
}

// due reports whether it is to be now: when trackers have neither come nor gone since the last look, there are more or fewer by an
// eighth than the last time, and there is enough. What is held for the work on the same trackers is needed again.
func (s *slack) due(now time.Time, trackers int, h heapUse) bool {
	quiet := trackers == s.trackers
	s.trackers = trackers
	same := max(trackers-s.then, s.then-trackers) <= s.then/8
	if !quiet || same || now.Sub(s.returned) < slackPause || h.held < h.live+h.live/4+slackMin {
		return false
	}
	s.returned, s.then = now, trackers
	return true
}

// heapUse is how a heap stands, in bytes.
type heapUse struct {
	live uint64 // reachable when it was collected last
	held uint64 // taken from the system
}

func readHeap() heapUse {
	samples := []metrics.Sample{
		{Name: "/gc/heap/live:bytes"},
		{Name: "/memory/classes/heap/objects:bytes"},
		{Name: "/memory/classes/heap/unused:bytes"},
		{Name: "/memory/classes/heap/free:bytes"},
	}
	metrics.Read(samples)
	h := heapUse{live: samples[0].Value.Uint64()}
	for _, s := range samples[1:] {
		h.held += s.Value.Uint64()
	}
	return h
}

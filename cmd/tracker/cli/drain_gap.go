package cli

import (
	"context"
	"sync"
	"time"

	"trackerfleet/bus"
)

// gapEvery is the pause between two look-ups of one tracker, and so how much longer than it was a gap may look.
const gapEvery = 20 * time.Millisecond

type lookup func(ctx context.Context, id bus.ID) (bus.LookupReply, error)

// gap is what was seen of one tracker.
type gap struct {
	longest  time.Duration // between two fresh answers
	idle     time.Duration // between two fresh answers of a tracker that had its process
	lookups  int
	answered bool // the last look-up, and by a tracker that has its process
}

// gapWatch looks trackers up while something happens to them. End it with finish or abandon.
type gapWatch struct {
	ids      []bus.ID
	gaps     []gap
	over     chan struct{} // closed: what happened is over
	cancel   context.CancelFunc
	watching sync.WaitGroup
}

// watchGaps returns once every tracker was looked up for the first time.
func watchGaps(ctx context.Context, ask lookup, ids []bus.ID) *gapWatch {
	w := &gapWatch{ids: ids, gaps: make([]gap, len(ids)), over: make(chan struct{})}
	ctx, w.cancel = context.WithCancel(ctx)
	var first sync.WaitGroup
	first.Add(len(ids))
	for i, id := range ids {
		w.watching.Go(func() { w.gaps[i] = w.follow(ctx, ask, id, first.Done) })
	}
	first.Wait()
	return w
}

// follow looks id up until it is answered after all is over, or ctx ends. It calls begun after the first time.
func (w *gapWatch) follow(ctx context.Context, ask lookup, id bus.ID, begun func()) gap {
	tick := time.NewTicker(gapEvery)
	defer tick.Stop()
	var g gap
	answered := time.Now()
	ran := answered
	for begun := sync.OnceFunc(begun); ; {
		over := w.isOver()
		reply, err := ask(ctx, id)
		g.lookups++
		fresh := err == nil && !reply.Stale
		g.answered = fresh && (reply.Tracker == nil || reply.Tracker.Phase != bus.PhaseHandoff)
		now := time.Now()
		if g.lookups == 1 && g.answered {
			answered, ran = now, now // before it nothing has happened
		}
		if fresh || ctx.Err() != nil {
			g.longest, answered = max(g.longest, now.Sub(answered)), now
		}
		if g.answered || ctx.Err() != nil {
			g.idle, ran = max(g.idle, now.Sub(ran)), now
		}
		begun()
		if ctx.Err() != nil || (over && g.answered) {
			return g
		}
		select {
		case <-tick.C:
		case <-ctx.Done(): // the next look-up fails and closes the gap
		}
	}
}

func (w *gapWatch) isOver() bool {
	select {
	case <-w.over:
		return true
	default:
		return false
	}
}

// finish gives every tracker that much time for another answer and returns what was seen.
func (w *gapWatch) finish(patience time.Duration) drainSummary {
	close(w.over)
	late := time.AfterFunc(patience, w.cancel)
	w.watching.Wait()
	late.Stop()
	w.cancel()
	sum := drainSummary{Sampled: len(w.ids)}
	for i, g := range w.gaps {
		sum.Lookups += g.lookups
		if !g.answered {
			sum.Unanswered++
		}
		if longest := bus.Duration(g.longest.Round(time.Millisecond)); sum.GapOf == nil || longest > sum.LongestGap {
			sum.LongestGap, sum.GapOf = longest, &w.ids[i]
		}
		sum.LongestIdle = max(sum.LongestIdle, bus.Duration(g.idle.Round(time.Millisecond)))
	}
	return sum
}

func (w *gapWatch) abandon() {
	w.cancel()
	w.watching.Wait()
}

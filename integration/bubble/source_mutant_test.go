package bubble

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"trackerfleet/integration/checker"
	"trackerfleet/workers/simulated"
	"trackerfleet/workers/source"
)

// view is a source whose watches are seen through something.
type view struct {
	source.Source
	observer func(source.Observer) source.Observer
	handle   func(source.Handle) source.Handle
}

func (v *view) Watch(t source.Target, h source.Hint, o source.Observer) source.Handle {
	if v.observer != nil {
		o = v.observer(o)
	}
	handle := v.Source.Watch(t, h, o)
	if v.handle != nil {
		handle = v.handle(handle)
	}
	return handle
}

// early takes the head for one block more than it is.
func early(s source.Source) source.Source {
	return &view{
		s,
		func(o source.Observer) source.Observer { return earlyObserver{o} },
		func(h source.Handle) source.Handle { return earlyHandle{h} },
	}
}

type earlyObserver struct{ source.Observer }

func (e earlyObserver) Observe(o source.Observation) {
	o.Head++
	e.Observer.Observe(o)
}

type earlyHandle struct{ source.Handle }

func (e earlyHandle) Wake(w source.Wake) {
	if w.Height > 0 {
		w.Height--
	}
	e.Handle.Wake(w)
}

// hasty takes an error of the outside for the answer that there is no such transaction.
type hasty struct {
	*view
	chain simulated.Config

	mu       sync.Mutex
	watching []source.Observer
}

func newHasty(s source.Source, chain simulated.Config) source.Source {
	h := &hasty{chain: chain}
	h.view = &view{Source: s, observer: func(o source.Observer) source.Observer {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.watching = append(h.watching, o)
		return o
	}}
	return h
}

func (h *hasty) Run(ctx context.Context) error {
	var looking sync.WaitGroup
	defer looking.Wait()
	looking.Go(func() {
		ticker := time.NewTicker(h.chain.BlockTime)
		defer ticker.Stop()
		for looks := 0; ; looks++ {
			select {
			case <-ctx.Done():
				return
			case now := <-ticker.C:
				if h.Health().Degraded {
					h.missAll(looks, now)
				}
			}
		}
	})
	return h.view.Run(ctx)
}

func (h *hasty) missAll(looks int, now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, o := range h.watching {
		o.Observe(source.Observation{
			Kind: source.Absent, At: now, Head: uint64(now.Sub(h.chain.Genesis) / h.chain.BlockTime), Endpoint: looks % 2, Endpoints: 2,
		})
	}
}

// panicky panics a few times in the goroutine of a tracker that wants a transaction looked up, and again when that comes back.
func panicky(swallow bool) func(source.Source) source.Source {
	return func(s source.Source) source.Source {
		return &view{Source: s, handle: func(h source.Handle) source.Handle {
			return &panickyHandle{Handle: h, swallow: swallow, left: panics}
		}}
	}
}

// panics are fewer than a tracker is restarted for before it is parked.
const panics = 3

type panickyHandle struct {
	source.Handle
	swallow bool // the panic, and the tracker with it: nothing reaches it any more
	left    int  // only the tracker's goroutine refreshes
}

func (p *panickyHandle) Refresh() {
	if p.swallow {
		defer func() {
			if recover() != nil {
				p.Close()
			}
		}()
	}
	if p.left > 0 {
		p.left--
		panic("panicky")
	}
	p.Handle.Refresh()
}

// wrapping is how workers are made that see a source through something.
func wrapping(wrap func(source.Source) source.Source) func(*site) {
	return func(s *site) { s.wrap = wrap }
}

// TestWhatWorkersMakeOfTheirSourceIsJudged lets workers follow a chain in wrong ways, each beside the right one under the same
// conditions: no verdict before finality, none from an error, and no tracker that is gone without one.
func TestWhatWorkersMakeOfTheirSourceIsJudged(t *testing.T) {
	for _, tc := range []struct {
		name   string
		mutate func(*site)
		play   func(*storm) *client
		want   checker.Outcome
	}{
		{"verdict when it is final", func(*site) {}, followReorgs, checker.Held},
		{"verdict one block early", wrapping(early), followReorgs, checker.Violated},
		{"error is no answer", func(*site) {}, followOutage, checker.Held},
		{"error read as gone", func(s *site) {
			s.wrap = func(sim source.Source) source.Source { return newHasty(sim, s.chain) }
		}, followOutage, checker.Violated},
		{"panic loop ends", wrapping(panicky(false)), followPanics, checker.Held},
		{"panic loop swallows its tracker", wrapping(panicky(true)), followPanics, checker.Violated},
	} {
		t.Run(tc.name, func(t *testing.T) {
			v := inBubble(t, func(on *site) checker.Verdict {
				tc.mutate(on)
				return judgeFollowers(&storm{site: on}, tc.play)
			})
			if v.Outcome != tc.want {
				t.Errorf("want %s: %s", tc.want, v)
			}
			if v.Outcome == checker.Violated && v.Violations[0].Invariant != 3 {
				t.Errorf("violated for another reason: %s", v)
			}
		})
	}
}

// judgeFollowers returns the verdict on two workers after a play, at the end of which one of them is killed.
func judgeFollowers(s *storm, play func(*storm) *client) checker.Verdict {
	c := play(s)
	s.strike(fault{kind: kill})
	v, _ := c.judge(0, s.fenced())
	c.owners.Stop()
	s.end()
	return v
}

// joinTwo returns a client of two workers between whom the partitions are dealt.
func (s *storm) joinTwo() *client {
	s.joinAll(2)
	time.Sleep(4 * lease) // for the partitions to be dealt out evenly
	return newClient(s.site)
}

// spawnAs starts a transaction with params of its own.
func (c *client) spawnAs(id, params string) {
	c.mu.Lock()
	c.params[id] = params
	c.mu.Unlock()
	c.spawn(id, "")
}

// followReorgs starts one transaction after the other while blocks are taken back.
func followReorgs(s *storm) *client {
	s.chain = s.stormyChain(1)
	s.chain.ReorgShare = 0.4
	c := s.joinTwo()
	for i := range 60 {
		c.spawn(fmt.Sprint("t", i), "confirm")
		time.Sleep(s.chain.BlockTime)
	}
	return c
}

// followOutage has the chain out of reach for much longer than it takes to drop what nobody knows.
func followOutage(s *storm) *client {
	c := s.joinTwo()
	for i := range 20 {
		c.spawnAs(fmt.Sprint("t", i), `{"outcome":"confirm","after":80,"drop_after":4}`)
	}
	time.Sleep(lease) // for each to be seen once
	for _, on := range []bool{true, false} {
		for _, m := range s.here {
			m.source.SetOutage(on)
		}
		time.Sleep(20 * s.chain.BlockTime)
	}
	return c
}

// followPanics sends trackers into a loop of panics long before their end.
func followPanics(s *storm) *client {
	c := s.joinTwo()
	for i := range 10 {
		id := fmt.Sprint("t", i)
		c.spawnAs(id, `{"outcome":"confirm","after":60}`)
		c.ask("call", id, fmt.Sprintf(`{"transaction_id":%q,"op":"refresh"}`, id))
	}
	time.Sleep(lease)
	return c
}

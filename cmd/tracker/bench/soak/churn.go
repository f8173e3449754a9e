package soak

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"trackerfleet/bus"
)

const (
	// beat is how often what is to be done at a pace is done.
	beat = 200 * time.Millisecond
	// catchUp is how much of what could not be done in time is done later, in time.
	catchUp = 10 * time.Second
	// inFlight is how many single requests of a kind are under way at one time.
	inFlight = 64
	// chunk is how many trackers are started at one time before the soak begins.
	chunk = 10_000
	// endings is how many trackers are being ended at one time after it.
	endings = 1024
)

// paced calls do every beat with how many are due by now at a rate per second, until a time or the end of ctx. What is more than
// catchUp late is left out.
func paced(ctx context.Context, until time.Time, rate float64, do func(ctx context.Context, n int)) {
	for p := (pace{rate: rate, last: time.Now()}); time.Now().Before(until); {
		if pause(ctx, beat) != nil {
			return
		}
		if n := p.due(time.Now()); n > 0 {
			do(ctx, n)
		}
	}
}

// pause returns after d, or fails with the cause of ctx.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// each calls do for 0 to n-1, several at a time, until all are done or ctx ends.
func each(ctx context.Context, n, atOnce int, do func(i int)) {
	var next atomic.Int64
	var all sync.WaitGroup
	for range min(atOnce, n) {
		all.Go(func() {
			for ctx.Err() == nil {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				do(i)
			}
		})
	}
	all.Wait()
}

// pace counts what is due at a rate per second.
type pace struct {
	rate float64
	last time.Time
	debt float64
}

// due returns how many are due now, and takes them for done.
func (p *pace) due(now time.Time) int {
	p.debt = min(p.debt+now.Sub(p.last).Seconds()*p.rate, catchUp.Seconds()*p.rate)
	p.last = now
	n := int(p.debt)
	p.debt -= float64(n)
	return n
}

// fill starts all trackers that are to be alive at the beginning, with their ends spread over a life.
func (s *soak) fill(ctx context.Context) error {
	for from := 0; from < s.Plan.Trackers; from += chunk {
		n := min(chunk, s.Plan.Trackers-from)
		s.report("start", from, s.Plan.Trackers)
		first := time.Now().Add(s.toFill(s.Plan.Trackers - from))
		s.start(ctx, n, func() time.Time { return first.Add(rand.N(s.Plan.life())) })
		if err := context.Cause(ctx); err != nil {
			return err
		}
	}
	return nil
}

// toFill returns how long it will take about until n more trackers have been started: nothing is to end before.
func (s *soak) toFill(n int) time.Duration { return time.Duration(n) * fillTime }

// fillTime is what it takes to start a tracker, of many, on a slow machine.
const fillTime = 100 * time.Microsecond

// churn starts trackers and ends as many.
func (s *soak) churn(ctx context.Context, n int) {
	var stopping sync.WaitGroup
	stopping.Go(func() { s.stop(ctx, s.ledger.surplus(s.Plan.Trackers/2), inFlight) })
	s.start(ctx, n, func() time.Time { return time.Now().Add(s.Plan.life()) })
	stopping.Wait()
}

// start starts n transactions. Half of them are spawned, and stay until they are told to end; half are published, and confirmed after
// their due time.
func (s *soak) start(ctx context.Context, n int, due func() time.Time) {
	s.odd += n
	confirming := s.odd / 2
	s.odd -= 2 * confirming
	if confirming > n { // n is 1, and it is the turn of one that confirms
		confirming = n
	}
	spawned, numbers := s.requests(n-confirming, func() time.Time { return time.Time{} })
	replies, err := s.Fleet.SpawnMany(ctx, spawned)
	if err != nil {
		s.failed(ctx, fmt.Errorf("spawn: %w", err))
	}
	for i, r := range replies {
		if r.Error == nil {
			s.ledger.accept(numbers[i : i+1])
		}
	}
	published, numbers := s.requests(confirming, due)
	stored, err := s.Fleet.StartMany(ctx, published)
	if err != nil {
		s.failed(ctx, fmt.Errorf("start: %w", err))
	}
	s.ledger.accept(numbers[:stored])
}

// requests returns the starts of n new transactions, and their numbers.
func (s *soak) requests(n int, due func() time.Time) ([]bus.StartRequest, []int) {
	starts, numbers := make([]bus.StartRequest, n), make([]int, n)
	for i := range starts {
		at := due()
		numbers[i] = s.ledger.add(at)
		starts[i] = bus.StartRequest{TransactionID: s.Plan.id(numbers[i]), Params: stays}
		if !at.IsZero() {
			starts[i].Params = s.Plan.confirms(at)
		}
	}
	return starts, numbers
}

// stop ends the trackers of transactions, several at a time.
func (s *soak) stop(ctx context.Context, numbers []int, atOnce int) {
	each(ctx, len(numbers), atOnce, func(i int) {
		_, err := s.Fleet.Stop(ctx, bus.StopRequest{TransactionID: s.Plan.id(numbers[i]), By: "soak"})
		now := s.ledger.of(numbers[i])
		if forgotten := errors.Is(err, bus.ErrNotFound) && now.forgettable(time.Now(), s.Plan.Retention); err != nil && !forgotten {
			s.failed(ctx, fmt.Errorf("stop of %s: %w", s.Plan.id(numbers[i]), err))
		}
	})
}

// crash crashes n trackers.
func (s *soak) crash(ctx context.Context, n int) {
	each(ctx, n, inFlight, func(int) {
		number := s.somebody(s.Plan.Trackers)
		if !s.ledger.crashing(number) {
			return
		}
		_, err := s.Fleet.Call(ctx, s.Plan.id(number), bus.OpCrash)
		did := errors.Is(err, bus.ErrCrashed)
		s.ledger.crashed(number, did)
		if now := s.ledger.of(number); !did && !now.stopping && !now.confirmable(time.Now()) { // nor was it ending
			s.failed(ctx, fmt.Errorf("crash of %s: %w", s.Plan.id(number), err))
		}
	})
}

// lookUp looks n transactions up. One in 16 is one that nobody has started.
func (s *soak) lookUp(ctx context.Context, n int) {
	kept := s.Plan.Trackers + int(s.Plan.Churn*s.Plan.Retention.Seconds())
	each(ctx, n, inFlight, func(i int) {
		number, q := s.somebody(kept+kept/10), question{retention: s.Plan.Retention}
		if i%16 == 0 {
			number = maxNumber - rand.IntN(s.Plan.Trackers)
		}
		q.before, q.asked = s.ledger.of(number), time.Now()
		reply, err := s.Fleet.Lookup(ctx, s.Plan.id(number))
		if errors.Is(err, bus.ErrNotFound) {
			reply, err = bus.LookupReply{Status: bus.LookupNotFound}, nil
		}
		if err != nil {
			s.failed(ctx, fmt.Errorf("lookup of %s: %w", s.Plan.id(number), err))
			return
		}
		q.after, q.told = s.ledger.of(number), time.Now()
		s.ledger.lookedUp(reply.Stale)
		if err := q.check(reply); err != nil {
			s.ledger.wrong("lookup of %s: %v", s.Plan.id(number), err)
		}
	})
}

// maxNumber is above that of any transaction.
const maxNumber = 999_999_999

// somebody returns the number of one of the newest transactions.
func (s *soak) somebody(newest int) int {
	n := s.ledger.size()
	return n - 1 - rand.IntN(min(newest, n))
}

// failed notes a request that was not answered as asked, unless it is because the soak is over.
func (s *soak) failed(ctx context.Context, err error) {
	if ctx.Err() == nil {
		s.ledger.failed(err)
	}
}

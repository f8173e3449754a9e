package simulated

import (
	"context"
	"math"
	"time"

	"trackerfleet/workers/source"
)

// chunk is how many watches are looked at before others get the mutex.
const chunk = 256

// follow hands everything over that is due, and returns how long there will be nothing new.
func (s *Source) follow(ctx context.Context, now time.Time) time.Duration {
	round, left := s.outside.round(now)
	if !s.begin(round, now) {
		return left
	}
	for looked := false; ctx.Err() == nil; {
		if more := s.some(now, &looked); !more {
			return left
		}
	}
	return left
}

// begin enters a round, unless it is over already. It reports false if the chain cannot be reached.
func (s *Source) begin(round uint64, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.outage.Load() || s.config.outageAt(now) {
		s.health.Degraded, s.health.Error, s.health.ErrorAt = true, errOutage.Error(), now
		return false
	}
	s.health.Degraded = false
	if round > s.round {
		s.calls["head"]++
		s.round, s.heads, s.health.HeadAt = round, s.outside.heads(round), now
	}
	return true
}

// outageAt reports whether the configuration has an outage at a time.
func (c Config) outageAt(now time.Time) bool {
	if c.OutageEvery == 0 {
		return false
	}
	since := now.Sub(c.Genesis)
	return since >= c.OutageEvery && since%c.OutageEvery < c.OutageFor
}

// some looks at some of the watches that are due: first where they are, then who is to be woken. It reports whether there
// are more; if not, the round is handed over.
func (s *Source) some(now time.Time, looked *bool) (more bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for range chunk {
		if w := s.due.next(s.round); w != nil {
			if !*looked {
				*looked = true
				s.calls["look"]++
			}
			s.due.remove(w)
			s.look(w, now)
			continue
		}
		if !s.wakeOne(now) {
			s.checkpoint = source.Checkpoint{Height: s.heads.latest, Hash: s.heads.hash}
			return false
		}
	}
	return true
}

// wakeOne wakes one watch whose head is there, if there is one.
func (s *Source) wakeOne(now time.Time) bool {
	for kind := range s.wakes {
		head := s.heads.of(source.Finality(kind))
		w := s.wakes[kind].next(head)
		if w == nil {
			continue
		}
		s.wakes[kind].remove(w)
		switch {
		case w.told.inBlock():
			o := s.observation(source.Advanced, now)
			o.Inclusion = s.outside.inclusion(&w.tx, w.place())
			w.observer.Observe(o)
		case w.told == nowhere: // its hint cannot be judged yet
			s.wakes[kind].put(w, head+1)
		default:
			w.asked = true
			s.due.put(w, 0)
		}
		return true
	}
	return false
}

// look finds out where a transaction is, tells the observer, and enters when to look next.
func (s *Source) look(w *watch, now time.Time) {
	var lost *source.BlockRef
	if w.kind == nowhere {
		hint := s.hints[w]
		was, notBefore := s.outside.enter(&w.tx, hint, s.round)
		if notBefore > s.round {
			s.due.put(w, notBefore)
			return
		}
		delete(s.hints, w)
		w.move(was)
		w.asked = true
		if was.kind.inBlock() {
			w.told = was.kind
		} else {
			lost = hint.Block
		}
	}
	sight := s.outside.walk(&w.tx, w.place(), s.round)
	w.checked = now.UnixNano()
	s.tell(w, sight, lost, now)
	w.move(sight.place)
	w.asked = false
	if next := s.nextLook(w, sight.due); next != 0 {
		s.due.put(w, next)
	}
}

// Rounds from look to look at transactions in no block.
const (
	sweepAbsent  = 8
	sweepPending = 8    // while look-ups may be answered with "unknown"
	sweepQuiet   = 1024 // while they may not: everything is known in advance
)

// nextLook returns the round of the next look at a watch; 0: none is needed.
func (s *Source) nextLook(w *watch, due uint64) uint64 {
	var sweep uint64
	switch {
	case w.kind.inBlock():
		return due
	case w.told == pending && s.nullShare() == 0:
		sweep = sweepQuiet
	case w.told == pending:
		sweep = sweepPending
	case int(w.absences) <= w.tx.spec.policy.MissingChecks:
		sweep = 1
	default:
		sweep = sweepAbsent
	}
	if due == 0 {
		return s.round + sweep
	}
	return min(due, s.round+sweep)
}

// sweepSoon brings looks at pending transactions forward.
func (s *Source) sweepSoon() {
	var late []*watch
	for number, bucket := range s.due.buckets {
		if number > s.round+sweepPending {
			late = append(late, bucket...)
		}
	}
	for _, w := range late {
		if w.told == pending {
			s.due.put(w, s.round+sweepPending)
		}
	}
}

func (s *Source) nullShare() float64 { return math.Float64frombits(s.null.Load()) }

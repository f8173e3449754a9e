package polled

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"

	"trackerfleet/workers/source"
)

// Run asks until ctx ends and returns the cause of ctx. Trouble outside never ends it; it shows in Health. A second Run at the same
// time fails with [ErrRunning].
func (s *Source) Run(ctx context.Context) error {
	if !s.enter() {
		return ErrRunning
	}
	defer s.exit()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for ctx.Err() == nil {
		batch, wait := s.take(time.Now())
		if len(batch) > 0 {
			s.ask(ctx, batch)
			continue
		}
		timer.Reset(wait)
		select {
		case <-ctx.Done():
		case <-s.bell:
		case <-timer.C:
		}
	}
	return context.Cause(ctx)
}

func (s *Source) enter() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	was := s.running
	s.running = true
	return !was
}

func (s *Source) exit() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.running = false
}

// idle is how long Run waits for a bell when nothing is to be asked.
const idle = time.Hour

// take returns what is to be asked now, or how long nothing is.
func (s *Source) take(now time.Time) (batch []*row, wait time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if wait := s.resume.Sub(now); wait > 0 {
		return nil, wait
	}
	for len(batch) < s.cfg.Batch {
		r := s.pick(now, len(batch))
		if r == nil {
			break
		}
		r.leave()
		r.asking, r.again = true, false
		for _, w := range r.watches {
			w.due, w.owed, w.begun = w.due || w.owed, false, true
		}
		batch = append(batch, r)
	}
	switch {
	case len(batch) > 0:
		s.begun, s.resume = now, now.Add(s.cfg.Gap)
		s.calls++
	case s.turn.first != nil:
		return nil, s.dueAt(s.turn.first).Sub(now)
	}
	return batch, idle
}

// pick returns the row to ask for next, by turns one that is urgent and one that is due.
func (s *Source) pick(now time.Time, n int) *row {
	due := s.turn.first
	if due != nil && s.dueAt(due).After(now) {
		due = nil
	}
	if due == nil || s.urgent.first != nil && n%2 == 0 {
		return s.urgent.first
	}
	return due
}

func (s *Source) dueAt(r *row) time.Time { return time.Unix(0, r.looked).Add(s.cfg.Poll) }

// ask asks for the batch and tells what came of it. Whatever becomes of it, what was not told is asked for again.
func (s *Source) ask(ctx context.Context, batch []*row) {
	left := batch
	defer func() { s.putBack(left) }()
	refs := make([]string, len(batch))
	for i, r := range batch {
		refs[i] = r.ref
	}
	began := time.Now()
	asking, cancel := context.WithTimeoutCause(ctx, s.cfg.Timeout, fmt.Errorf("%s did not answer within %v", s.cfg.Name, s.cfg.Timeout))
	defer cancel()
	states, err := s.cfg.Ask(asking, refs)
	if err == nil {
		err = impossible(states)
	} else if cause := context.Cause(asking); cause != nil && errors.Is(err, asking.Err()) {
		err = cause
	}
	now := time.Now()
	if err != nil {
		if ctx.Err() == nil {
			s.failed(err, now)
		}
		return
	}
	s.answered(now.Sub(began))
	for _, r := range batch {
		s.tell(r, states, now)
		left = left[1:]
	}
}

// impossible returns what keeps states from being any.
func impossible(states map[string]State) error {
	for ref, state := range states {
		if state.End > source.EndDropped {
			return fmt.Errorf("polled: Ask says that %q has ended as %d, which is no end", ref, state.End)
		}
	}
	return nil
}

func (s *Source) answered(latency time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fails, s.latency = 0, latency
}

// failed notes an error and makes a pause, longer each time.
func (s *Source) failed(err error, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.problem, s.badAt = words(err), now
	pause, longest := s.cfg.Gap, max(s.cfg.Gap, s.cfg.Poll)
	for range min(s.fails, maxDoublings) {
		pause = min(2*pause, longest)
	}
	s.fails++
	s.resume = now.Add(pause)
}

// maxDoublings is after how many failures the pause is as long as it gets, unless Poll is longer by more than that.
const maxDoublings = 30

// putBack has rows that got no answer asked for before all others.
func (s *Source) putBack(rows []*row) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := len(rows) - 1; i >= 0; i-- {
		r := rows[i]
		r.asking = false
		if len(r.watches) == 0 {
			continue
		}
		q := &s.turn
		for _, w := range r.watches {
			if w.owed || w.due {
				q = &s.urgent
			}
		}
		q.put(r, true)
	}
}

// tell hands what states say of r to those who do not know it.
func (s *Source) tell(r *row, states map[string]State, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	state, found := states[r.ref]
	o := observation(state, found, now)
	news := !r.told || r.found != found || r.known != state || o.Kind == source.Absent
	r.looked = now.UnixNano()
	for _, w := range r.watches {
		if w.begun && (news || w.due) {
			w.observer.Observe(o)
		}
		w.due = false
	}
	r.told, r.found, r.known = true, found, state
	r.asking = false
	switch {
	case len(r.watches) == 0:
	case r.again:
		s.urgent.put(r, false)
	case o.Kind != source.Settled:
		s.turn.put(r, false)
	}
}

// observation returns what a state is to a tracker.
func observation(state State, found bool, now time.Time) source.Observation {
	o := source.Observation{Kind: source.Absent, At: now, Endpoints: 1}
	switch {
	case found && state.End == 0:
		o.Kind, o.Pending = source.Pending, &source.PendingDetails{ProviderStatus: state.Status}
	case found:
		o.Kind = source.Settled
		o.Settlement = &source.Settlement{End: state.End, ProviderStatus: state.Status, Reason: state.Reason}
	}
	return o
}

// words returns what is shown of an error of [Config.Ask]: without the URL that net/http puts in front, which may hold a key.
func words(err error) string {
	var request *url.Error
	if errors.As(err, &request) {
		err = request.Err
	}
	return err.Error()
}

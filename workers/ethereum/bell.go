package ethereum

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"trackerfleet/workers/ethereum/jsonrpc"
)

const (
	// bellGrace is how long after a head was found the bell may still ring for it.
	bellGrace = 2 * time.Second
	// bellPing is the time between two pings, by which a connection that is only half there is noticed.
	bellPing = 30 * time.Second
	// bellBackoff and bellBackoffCap are the first and the longest time before another attempt to be told of new heads.
	bellBackoff, bellBackoffCap = time.Second, time.Minute
	// bellMemory is how many rings are remembered.
	bellMemory = 32
	// bellVain is after how many polls in a row that did not find what was rung for no ring brings a poll forward.
	bellVain = 3
	// bellNeedCap is how many heads in a row must be rung for at most before silence is believed again.
	bellNeedCap = 63
)

// Why a bell is no longer listened to.
var (
	errBellElsewhere = errors.New("another endpoint is followed")
	errBellSilent    = errors.New("a head was found for which it had not rung")
)

// bell is what is known of new heads by websocket. A ring decides nothing: it brings a poll forward, and while there are rings for
// every head that is found, there are fewer other polls. It reads no clock and does no I/O. Source.mu guards it.
type bell struct {
	towers []tower
	at     int  // index of the tower that is listened to, or is to be; -1: none
	on     bool // subscribed there
	since  time.Time
	based  bool // a poll that began since has been: the next head is one to ring for

	rung     []Hash    // distinct, oldest first, since it is on
	head     Hash      // found by the last poll
	missedAt time.Time // when the first head was found that has not been rung for since; zero: none
	good     int       // heads in a row that were rung for
	need     int       // so many of them make it trusted
	vain     int       // polls in a row that did not find what was rung for last

	turned chan struct{} // holds one: at has changed
	hangUp context.CancelCauseFunc
}

// tower is an endpoint's bell.
type tower struct {
	ws       string
	failures int       // in a row
	until    time.Time // no attempt before
	silent   time.Time // since when it has not rung; zero: it has
	err      error     // of the last attempt
}

func newBell(endpoints []Endpoint) *bell {
	b := &bell{at: -1, need: 1, turned: make(chan struct{}, 1), hangUp: func(error) {}}
	for _, e := range endpoints {
		b.towers = append(b.towers, tower{ws: e.WS})
	}
	return b
}

// turn has the bell of another endpoint listened to.
func (b *bell) turn(at int) {
	if at == b.at {
		return
	}
	b.at = at
	b.hangUp(errBellElsewhere)
	select {
	case b.turned <- struct{}{}:
	default:
	}
}

// begin takes in that it can be heard from now on.
func (b *bell) begin(now time.Time) {
	b.on, b.since, b.based = true, now, false
	b.rung, b.good, b.vain, b.missedAt = nil, 0, 0, time.Time{}
}

// ring takes in that it rang for a head, and reports whether it had not done so before.
func (b *bell) ring(hash Hash) bool {
	if slices.Contains(b.rung, hash) {
		return false
	}
	if len(b.rung) == bellMemory {
		b.rung = slices.Delete(b.rung, 0, 1)
	}
	b.rung = append(b.rung, hash)
	return true
}

// hit takes in that a head that a poll found was rung for.
func (b *bell) hit() {
	b.good++
	b.missedAt = time.Time{}
	b.towers[b.at].silent = time.Time{}
}

// found takes in the window that a poll left that began at polledAt, and reports whether it is too late for the rings that are missing.
func (b *bell) found(w *window, polledAt, now time.Time) (silent bool) {
	if !b.on {
		b.head = w.head().hash
		return false
	}
	silent = !b.missedAt.IsZero() && now.Sub(b.missedAt) >= bellGrace
	if head := w.head().hash; head != b.head {
		b.head = head
		switch {
		case slices.Contains(b.rung, head):
			b.hit()
			silent = false
		case b.based && b.missedAt.IsZero():
			b.missedAt = now
		}
	}
	b.based = b.based || !polledAt.Before(b.since)
	if b.vain++; len(b.rung) == 0 || b.settled(w) {
		b.vain = 0
	}
	return silent
}

// settled reports whether what was rung for last is known.
func (b *bell) settled(w *window) bool {
	return len(b.rung) > 0 && w.knows(b.rung[len(b.rung)-1])
}

// trusted reports whether the next head needs no looking for.
func (b *bell) trusted(w *window) bool {
	return b.on && b.good >= b.need && b.missedAt.IsZero() && slices.Contains(b.rung, w.head().hash) && b.settled(w)
}

// fell takes in that it can't be heard any more, and why.
func (b *bell) fell(at int, lasted time.Duration, err error, now time.Time) {
	b.on, b.rung, b.missedAt = false, nil, time.Time{}
	t := &b.towers[at]
	t.err = err
	if errors.Is(err, errBellElsewhere) {
		t.err = nil
		return
	}
	if errors.Is(err, errBellSilent) {
		t.silent = now
		b.need = min(2*b.need+1, bellNeedCap)
	} else if lasted >= bellBackoffCap {
		t.failures = 0 // it did well for long
	}
	t.until = now.Add(min(bellBackoff<<min(t.failures, 10), bellBackoffCap))
	t.failures++
}

// words says how an endpoint's bell is; empty: it has none.
func (b *bell) words(i int) string {
	t := b.towers[i]
	switch {
	case t.ws == "":
		return ""
	case i != b.at:
		return "not listened to"
	case !b.on && t.err != nil && !errors.Is(t.err, errBellSilent):
		return t.err.Error()
	case !t.silent.IsZero():
		return "silent since " + t.silent.UTC().Format(time.RFC3339)
	case b.on && b.good > 0:
		return "rings"
	case b.on:
		return "has not rung yet"
	default:
		return "not reached yet"
	}
}

// listen listens to the bell of the endpoint that is followed until ctx ends.
func (s *Source) listen(ctx context.Context) {
	for ctx.Err() == nil {
		s.mu.Lock()
		at, wait := s.bell.at, time.Duration(-1)
		if at >= 0 && s.bell.towers[at].ws != "" {
			wait = max(time.Until(s.bell.towers[at].until), 0)
		}
		s.mu.Unlock()
		var due <-chan time.Time
		if wait >= 0 {
			due = time.After(wait)
		}
		select {
		case <-ctx.Done():
		case <-s.bell.turned:
		case <-due:
			s.listenTo(ctx, at)
		}
	}
}

// listenTo connects to an endpoint's bell and takes its rings until there is a reason to hang up.
func (s *Source) listenTo(ctx context.Context, at int) {
	heard, hangUp := context.WithCancelCause(ctx)
	defer hangUp(nil)
	s.mu.Lock()
	if s.bell.at != at {
		s.mu.Unlock()
		return
	}
	s.bell.hangUp = hangUp
	s.mu.Unlock()
	begun := time.Now()
	err := s.takeRings(heard, hangUp, s.cfg.subscription(s.cfg.Endpoints[at]))
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if ctx.Err() != nil {
		err = errBellElsewhere // nobody listens any more
	}
	s.bell.fell(at, now.Sub(begun), err, now)
	s.pollByLocked(s.polledAt.Add(s.cfg.Poll))
	s.kick()
}

// subscription is how an endpoint tells of new heads.
func (c Config) subscription(e Endpoint) jsonrpc.SubscribeConfig {
	return jsonrpc.SubscribeConfig{URL: e.WS, Headers: e.Headers, Timeout: c.Timeout, Transport: c.Transport}
}

// takeRings takes rings until something fails, and returns that.
func (s *Source) takeRings(ctx context.Context, hangUp context.CancelCauseFunc, cfg jsonrpc.SubscribeConfig) error {
	sub, err := jsonrpc.Subscribe(ctx, cfg, "newHeads")
	if err != nil {
		return err
	}
	defer sub.Close()
	var pings sync.WaitGroup
	defer pings.Wait()
	defer hangUp(nil)
	pings.Go(func() { ping(ctx, sub, hangUp) })
	s.mu.Lock()
	s.bell.begin(time.Now())
	s.mu.Unlock()
	for {
		told, err := sub.Next(ctx)
		if err != nil {
			return err
		}
		var head struct {
			Hash Hash `json:"hash"`
		}
		if json.Unmarshal(told, &head) != nil || head.Hash == (Hash{}) {
			return fmt.Errorf("%w: a head without a hash", ErrAnswer)
		}
		s.rang(ctx, head.Hash)
	}
}

// ping pings now and then until ctx ends, and hangs up when no answer comes.
func ping(ctx context.Context, sub *jsonrpc.Subscription, hangUp context.CancelCauseFunc) {
	ticker := time.NewTicker(bellPing)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			if err := sub.Ping(ctx); err != nil {
				hangUp(err)
				return
			}
		}
	}
}

// rang brings the next poll forward if the bell rang for something new.
func (s *Source) rang(ctx context.Context, hash Hash) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.bell
	if ctx.Err() != nil || !b.ring(hash) || s.book.window.empty() {
		return
	}
	switch {
	case s.book.window.head().hash == hash: // a poll was faster
		b.hit()
		s.stretchLocked()
		s.kick() // Run has a timer to set
	case !s.book.window.knows(hash) && b.vain < bellVain:
		s.hurryLocked()
		s.kick()
	}
}

// heard judges the bell of the followed endpoint by what a poll found. idle says that the poll did all that it had to.
func (s *Source) heard(idle bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.book.window.empty() {
		return
	}
	s.bell.turn(s.pool.following)
	if s.bell.found(s.book.window, s.polledAt, time.Now()) {
		s.bell.hangUp(errBellSilent)
		s.bell.on = false
	}
	if s.idle = idle && s.nothingWaitsLocked(); s.idle {
		s.stretchLocked()
	}
}

// nothingWaitsLocked reports whether all went well, and nothing is to be asked again at the next poll.
func (s *Source) nothingWaitsLocked() bool {
	for _, c := range s.troubles {
		if c.err != nil {
			return false
		}
	}
	return s.book.urgent.n+s.book.again.n+s.book.usedUp.n+s.book.owed.n == 0
}

// stretchLocked puts the next poll off while the bell is to be trusted, unless somebody brought it forward.
func (s *Source) stretchLocked() {
	if s.idle && s.pollAt.Equal(s.polledAt.Add(s.cfg.Poll)) && s.bell.trusted(s.book.window) {
		s.pollAt = s.polledAt.Add(max(s.cfg.Watchdog, s.cfg.Poll))
	}
}

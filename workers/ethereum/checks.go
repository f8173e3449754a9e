package ethereum

import (
	"fmt"
	"math"

	"trackerfleet/workers/source"
)

// Checks says when the transaction was last looked at: looked up, or, in a block, when that block was last seen to be
// canonical. Next is when it will be again if nothing happens to it.
func (w *watch) Checks() source.Checks {
	s := w.src
	s.mu.Lock()
	defer s.mu.Unlock()
	c := source.Checks{Waiting: w.waitingLocked()}
	if window := s.book.window; !window.empty() {
		c.Head = window.head().number
		c.Safe, c.Finalized = s.book.tags.height(source.Safe, c.Head), s.book.tags.height(source.Finalized, c.Head)
	}
	at := int(w.asked)
	if w.checked != 0 {
		c.Last = s.book.timeOf(w.checked)
		c.Next = c.Last.Add(s.cfg.SweepAfter)
	}
	if w.place != nil && !c.Last.IsZero() {
		if s.followedAt.After(c.Last) {
			c.Last = s.followedAt
		}
		c.Next, at = s.pollAt, int(s.followedBy)
	}
	if at > 0 {
		c.Endpoint = s.endpoints[at-1].client.Name()
	}
	return c
}

// waitingLocked says what has to come before more can be said of w.
func (w *watch) waitingLocked() string {
	b := w.src.book
	if w.in != closed && b.window.empty() {
		return "the head of the chain, which was not read yet"
	}
	switch w.in {
	case outside:
		return "the answer to its look-up"
	case inUrgent:
		return "its look-up, which is queued"
	case inAgain:
		return "another look-up: the last one decided nothing"
	case inUsedUp:
		return "the search for what took its nonce"
	case inOwed:
		return fmt.Sprintf("the receipt of block %d", w.place.number)
	}
	return ""
}

// ordinal counts an endpoint from 1, as a byte; those beyond it have no number.
func ordinal(endpoint int) uint8 {
	if endpoint >= math.MaxUint8 {
		return 0
	}
	return uint8(endpoint + 1)
}

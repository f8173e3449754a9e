package workers

import (
	"slices"
	"time"

	"trackerfleet/workers/source"
)

// occasion is what a cell needs while there is something to decide or somebody waits, and once it has crashed. An idle one has
// none. The cell's mu guards it.
type occasion struct {
	requests []input      // asked by others than the source; before the inbox
	inbox    source.Inbox // what the source has said

	written   chan struct{}  // closed when writing ends; nil when nobody waits
	changed   chan struct{}  // closed at the next commit and at the end; nil when nobody waits
	gone      chan struct{}  // closed when the name is free; nil when nobody waits
	crashSeen time.Time      // of the newest crash that is in the record or about to be
	unwatched *source.Target // what the first Init is to watch; nil once it does
	pin       uint64
	place     uint32 // the wave in which it was given a place in the worker's rousing; 0: it has none

	pinned   bool // holds pin in the profile's watermark
	heard    bool // something was in the inbox and is not settled
	writing  bool // a decision is being made or stored
	awaited  bool // refreshes knows somebody who waits for what the source says
	comeback bool // a restart is on its way into the record
	queued   bool // waits for such a place
}

// over reports whether there is nothing left to it.
func (o *occasion) over() bool {
	waited := o.written != nil || o.changed != nil || o.gone != nil || o.awaited
	undecided := len(o.requests) > 0 || o.heard || o.writing || o.comeback || o.queued || o.place != 0
	return !waited && !undecided && o.crashSeen.IsZero() && o.unwatched == nil && !o.pinned
}

// idleLocked lets go of an occasion that is over.
func (c *cell) idleLocked() {
	if c.occasion != nil && c.occasion.over() {
		c.occasion = nil
	}
}

// noOccasion is what cells without an occasion read. Nobody writes to it.
var noOccasion occasion

// hadLocked returns what there was so far, to read.
func (c *cell) hadLocked() *occasion {
	if c.occasion == nil {
		return &noOccasion
	}
	return c.occasion
}

// onLocked returns the cell's own occasion, to write.
func (c *cell) onLocked() *occasion {
	if c.occasion == nil {
		c.occasion = new(occasion)
	}
	return c.occasion
}

// askLocked puts a request behind the others.
func (c *cell) askLocked(in input) {
	o := c.onLocked()
	o.requests = append(o.requests, in)
}

// askAgainLocked puts a request before the others.
func (c *cell) askAgainLocked(in input) {
	o := c.onLocked()
	o.requests = slices.Insert(o.requests, 0, in)
}

// askedLocked reports whether a request waits.
func (c *cell) askedLocked() bool { return len(c.hadLocked().requests) > 0 }

// urgentLocked reports whether a request waits that is not what the source has said and could not be written.
func (c *cell) urgentLocked() bool {
	return slices.ContainsFunc(c.hadLocked().requests, func(in input) bool { return !in.observed })
}

// requestLocked takes the first request out; one must wait.
func (c *cell) requestLocked() input {
	o := c.onLocked()
	in := o.requests[0]
	if o.requests = o.requests[1:]; len(o.requests) == 0 {
		o.requests = nil
	}
	return in
}

// requestsLocked takes all requests out.
func (c *cell) requestsLocked() []input {
	if !c.askedLocked() {
		return nil
	}
	requests := c.occasion.requests
	c.occasion.requests = nil
	return requests
}

// tellWrittenLocked tells those who wait for the end of the write in flight.
func (c *cell) tellWrittenLocked() {
	if c.hadLocked().written != nil {
		close(c.occasion.written)
		c.occasion.written = nil
	}
}

// tellChangedLocked tells those who wait for the next commit.
func (c *cell) tellChangedLocked() {
	if c.hadLocked().changed != nil {
		close(c.occasion.changed)
		c.occasion.changed = nil
	}
}

// goneLocked returns the channel that is closed when the name is free.
func (c *cell) goneLocked() chan struct{} {
	o := c.onLocked()
	if o.gone == nil {
		o.gone = make(chan struct{})
	}
	return o.gone
}

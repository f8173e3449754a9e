package tracker

import (
	"strings"
	"unicode/utf8"

	"trackerfleet/bus"
	"trackerfleet/workers/source"
)

// Decision is what follows from something that happened to a tracker. The zero Decision means: nothing changed.
type Decision struct {
	// Next is the record from now on; nil: the one there was stands. It is to be used once it is written if Durable is set,
	// and at once if not.
	Next *Record

	// Events are to be published in this order, in one batch with Next. They are numbered from the record's Events + 1 to
	// Next's.
	Events []Event

	// Durable says that Next must be written. It is set whenever there are Events. Otherwise Next differs only in what a
	// tracker can find out again, such as looks in vain, and is not worth a write.
	Durable bool

	// Wake is what to ask of the source from now on, after [Record.Observe] and also when nothing changed. Other decisions
	// leave it zero; ask [Record.Wake] when they leave the tracker running.
	Wake source.Wake
}

// Terminal reports whether the decision ends the run.
func (d Decision) Terminal() bool {
	return len(d.Events) > 0 && d.Events[len(d.Events)-1].Terminal
}

// change is a decision in the making. It copies the record when it is first edited.
type change struct {
	from    *Record
	next    *Record
	now     stamp
	events  []Event
	durable bool
}

// edit returns the record that is being made.
func (c *change) edit() *Record {
	if c.next == nil {
		next := *c.from
		c.next = &next
	}
	return c.next
}

// record returns the record as it is by now.
func (c *change) record() *Record {
	if c.next != nil {
		return c.next
	}
	return c.from
}

// checkpoint makes the decision durable.
func (c *change) checkpoint() {
	c.edit().updatedAt = c.now
	c.durable = true
}

// emit adds an event.
func (c *change) emit(eventType string, data any) {
	next := c.edit()
	next.events++
	c.checkpoint()
	c.events = append(c.events, Event{
		ID: next.id, Type: eventType, N: next.events, Run: uint64(next.run), At: c.now.time(), Data: data, meta: next.meta(),
	})
}

// finish adds the terminal event of status end.
func (c *change) finish(end status, data any) {
	next := c.edit()
	next.status, next.phase = end, finished
	c.emit(string(end.word()), data)
	c.events[len(c.events)-1].Terminal = true
	kept := next.restOf()
	if b, err := bus.Encode(data); err == nil { // terminal data are strings, numbers and stamps: they always encode
		kept.result = string(b)
	}
	next.rest = &kept
}

// decision returns what came of it.
func (c *change) decision() Decision {
	return Decision{Next: c.next, Events: c.events, Durable: c.durable}
}

// clip returns the first bytes of s, at most limit, cut between runes; bytes that are no UTF-8 are replaced.
func clip(s string, limit int) string {
	if !utf8.ValidString(s) {
		s = strings.ToValidUTF8(s, "\uFFFD")
	}
	if len(s) <= limit {
		return s
	}
	for limit > 0 && !utf8.RuneStart(s[limit]) {
		limit--
	}
	return strings.Clone(s[:limit])
}

// outcome is the word for how an inclusion ended.
func (p *place) outcome() string {
	switch {
	case p.By != "":
		return string(bus.StatusReplaced)
	case p.Success:
		return "succeeded"
	}
	return "failed"
}

func (p *place) block() blockData { return blockData{Number: p.Number, Hash: p.Hash, Time: p.Time} }

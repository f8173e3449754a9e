package demo

import (
	"fmt"
	"time"

	"trackerfleet/bus"
)

// tenure is the time of one owner of a partition, as its events have it. A worker that claims what it has anew raises the
// epoch, while trackers that lived on keep theirs.
type tenure struct {
	worker        string
	above, newest uint64 // the newest epoch of the owner before; of this one
}

// next returns the tenure that e belongs to.
func (t tenure) next(e *bus.Event) (tenure, error) {
	switch {
	case e.Worker == t.worker && e.Epoch > t.above:
		t.newest = max(t.newest, e.Epoch)
		return t, nil
	case e.Worker != t.worker && e.Epoch > t.newest:
		return tenure{worker: e.Worker, above: t.newest, newest: e.Epoch}, nil
	}
	return t, fmt.Errorf("%s: %s at epoch %d decided %s after %s at epoch %d", e.TransactionID, e.Worker, e.Epoch, e.Type, t.worker, t.newest)
}

// oneOwner finds partitions whose epochs go back when another worker writes, and anything that the killed worker decided after
// it was gone.
func oneOwner(e Evidence) Check {
	c := Check{Name: "never two owners"}
	tenures, changes := map[int]tenure{}, 0
	var first error
	for _, event := range e.Events {
		p := event.TransactionID.Partition()
		before := tenures[p]
		after, err := before.next(event)
		if err == nil && event.Worker == e.Strike.Worker && event.At.After(e.Strike.Gone) {
			err = fmt.Errorf("%s: %s decided %s %v after it was gone", event.TransactionID, event.Worker, event.Type, event.At.Sub(e.Strike.Gone))
		}
		if first == nil {
			first = err
		}
		if before.worker != "" && before.worker != after.worker {
			changes++
		}
		tenures[p] = after
	}
	c.Held, c.Detail = first == nil && changes > 0, fmt.Sprintf("%d partitions, %d changes of owner", len(tenures), changes)
	if first != nil {
		c.Detail += "; " + first.Error()
	}
	return c
}

// takenOver finds transactions of the killed worker that no other went on with. It has not held if the strike hit nothing.
func takenOver(e Evidence, lines map[bus.ID][]*bus.Event) Check {
	c := Check{Name: "the trackers of the killed worker were taken over"}
	kept, continued := 0, 0
	for _, id := range e.Strike.Running {
		_, taken := e.Strike.Taken[id]
		on := goneOn(lines[id], e.Strike)
		if on {
			continued++
		}
		if taken && (on || endedBefore(lines[id], e.Strike)) {
			kept++
			continue
		}
		if c.Timeline == nil {
			c.Timeline = lines[id]
		}
	}
	t := e.Strike.Takeover()
	c.Held = continued > 0 && kept == len(e.Strike.Running)
	c.Detail = fmt.Sprintf("%d of %d", kept, len(e.Strike.Running))
	if t.Taken > 0 {
		c.Detail += fmt.Sprintf(", half of them after %v, the last after %v", time.Duration(t.Median), time.Duration(t.Longest))
	}
	return c
}

// goneOn reports whether another worker decided something after s.
func goneOn(events []*bus.Event, s Strike) bool {
	for _, e := range events {
		if e.Worker != s.Worker && e.At.After(s.Gone) {
			return true
		}
	}
	return false
}

// endedBefore reports whether the end had been decided, though not seen, when s hit.
func endedBefore(events []*bus.Event, s Strike) bool {
	if len(events) == 0 {
		return false
	}
	last := events[len(events)-1]
	return last.Terminal() && !last.At.After(s.Gone)
}

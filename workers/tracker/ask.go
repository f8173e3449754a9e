package tracker

import (
	"encoding/json"
	"hash/maphash"
	"sync/atomic"
	"unique"

	"trackerfleet/bus"
)

// ask is what a start said. Raw JSON is compact. It never changes.
type ask struct {
	source unique.Handle[string]
	params string
	more   *more // nil: nothing of it
}

// more is what a start said beside its source and params.
type more struct {
	meta   string
	labels unique.Handle[string] // a JSON object with sorted keys, or ""
	trace  *bus.Trace            // nil: none
}

// moreOf returns what there is of more, to read. The nil ask said nothing.
func (a *ask) moreOf() more {
	if a == nil || a.more == nil {
		return more{}
	}
	return *a.more
}

// newAsk returns what a start said.
func newAsk(source, params, meta string, labels map[string]string, trace bus.Trace) *ask {
	m := more{meta: meta, labels: encodeLabels(labels)}
	if trace != (bus.Trace{}) {
		m.trace = &trace
	}
	a := ask{source: unique.Make(source), params: params}
	if m == (more{}) {
		return asks.shared(a)
	}
	a.more = &m
	return &a
}

// asks are those of late that had no more.
var asks = sharing{seed: maphash.MakeSeed()}

// sharing lets what many starts say be kept once: a start that says what one of those said that came lately gets the same ask. It
// is bounded, and what it misses is only kept twice. All methods may be called by any goroutine.
type sharing struct {
	seed maphash.Seed
	late [1024]atomic.Pointer[ask] // by hash
}

// shared returns an ask that is equal to a, which has no more.
func (s *sharing) shared(a ask) *ask {
	slot := &s.late[maphash.Comparable(s.seed, a)%uint64(len(s.late))]
	if there := slot.Load(); there != nil && *there == a {
		return there
	}
	slot.Store(&a)
	return &a
}

// encodeLabels returns labels as they are kept.
func encodeLabels(labels map[string]string) unique.Handle[string] {
	if len(labels) == 0 {
		return unique.Handle[string]{}
	}
	b, err := json.Marshal(labels)
	if err != nil {
		return unique.Handle[string]{} // can't be: strings always encode
	}
	return unique.Make(string(b))
}

package tracker

import "time"

// Origin is the place of a start in a stream of starts. The zero Origin is that of a start which came in no stream.
type Origin struct {
	Stream   time.Time // when the stream was made, which tells it from one that was made in its place
	Sequence uint64
}

// origin is how a record keeps an [Origin].
type origin struct {
	Stream   stamp  `json:"stream,omitzero"`
	Sequence uint64 `json:"sequence,omitempty"`
}

// From returns r as begun by the start at o; r itself for the zero Origin.
func (r *Record) From(o Origin) *Record {
	if o == (Origin{}) {
		return r
	}
	next := *r
	next.origin = origin{Stream: stampOf(o.Stream), Sequence: o.Sequence}
	return &next
}

// Began reports whether the start at o has been read before: it, or one behind it in the same stream, began this run or an earlier one.
// No clock is asked.
func (r *Record) Began(o Origin) bool {
	return o != (Origin{}) && r.origin.Stream == stampOf(o.Stream) && o.Sequence <= r.origin.Sequence
}

package workers

import (
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"trackerfleet/workers/tracker"
)

// Headers of a start that is passed on to the owner: how long it has waited, and its place in the stream of starts. Both are of a kind
// that means the same to a worker whose wall clock says something else.
const (
	headerWaited   = "Tracker-Waited"
	headerSequence = "Tracker-Start-Sequence"
	headerStream   = "Tracker-Start-Stream" // when the stream was made
)

// putOrigin writes the headers if r came by the stream.
func (r startRequest) putOrigin(h nats.Header) {
	if r.origin == (tracker.Origin{}) {
		return
	}
	h.Set(headerWaited, time.Since(r.accepted.here).String())
	h.Set(headerSequence, strconv.FormatUint(r.origin.Sequence, 10))
	h.Set(headerStream, r.origin.Stream.UTC().Format(time.RFC3339Nano))
}

// readOrigin reads the headers of a start that another worker passed on.
func (r *startRequest) readOrigin(h nats.Header, c clock) {
	waited, err := time.ParseDuration(h.Get(headerWaited))
	if err != nil {
		return
	}
	sequence, err := strconv.ParseUint(h.Get(headerSequence), 10, 64)
	if err != nil {
		return
	}
	stream, err := time.Parse(time.RFC3339Nano, h.Get(headerStream))
	if err != nil {
		return
	}
	r.accepted = c.ago(time.Now(), max(waited, 0))
	r.origin = tracker.Origin{Stream: stream, Sequence: sequence}
}

// sighting is the stream of starts as it was seen at some time.
type sighting struct {
	last uint64    // newest sequence
	at   time.Time // when, by the server's clock
	here time.Time // when, by this worker's, with the monotonic reading
}

func sightingOf(info *jetstream.StreamInfo) sighting {
	return sighting{last: info.State.LastSeq, at: info.TimeStamp, here: time.Now()}
}

// waited returns how long a start has lain in the stream by now: what the server's clock says of the time until the stream was seen with
// it, and what this worker's says of the time since. One that came later was there for less than the pump takes to look again, and is
// taken as new. The clocks of two machines are never held against each other: a start whose stamp seems an hour old may be a new one.
func (s sighting) waited(sequence uint64, at, now time.Time) time.Duration {
	if sequence > s.last {
		return 0
	}
	return max(0, s.at.Sub(at)) + max(0, now.Sub(s.here))
}

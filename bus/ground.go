package bus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Ground is the stream TRACKER as it is now: who holds partitions must know whether it is still the one that they were
// claimed in, because one that was deleted and made anew looks the same and knows nothing.
type Ground struct {
	Created time.Time // tells it from others of the name
	First   uint64    // the sequence that it was made to begin with; 0: the first stream of an installation
	Last    uint64    // sequence of its newest message
}

// Is reports whether g and other are the same stream.
func (g Ground) Is(other Ground) bool { return g.Created.Equal(other.Created) }

// sequenceGap is how far a stream that is made anew begins above what is known of the one before: more than one stream can
// take in while who makes it anew looks away, a million messages a second for twelve days, and still few enough that the
// sequences stay exact where numbers are floating point, eight thousand times over.
const sequenceGap = 1 << 40

// Next returns the sequence to begin with for a stream that takes g's place: above all that g may have used, so that no
// epoch, no revision and no place in the stream comes a second time.
func (g Ground) Next() uint64 {
	if last := max(g.First, g.Last); last > 0 {
		return last + sequenceGap
	}
	return 0
}

// ReadGround returns the stream TRACKER as its leader knows it. It fails with an error that is a [*MissingError] when there
// is none, or with that of the request.
func ReadGround(ctx context.Context, js jetstream.JetStream) (Ground, error) {
	stream, err := js.Stream(ctx, StreamTracker)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return Ground{}, &MissingError{Stream: StreamTracker}
	}
	if err != nil {
		return Ground{}, fmt.Errorf("bus: stream %s: %w", StreamTracker, err)
	}
	info := stream.CachedInfo()
	return Ground{Created: info.Created, First: info.Config.FirstSeq, Last: info.State.LastSeq}, nil
}

// fleetTimeout is how long the fleet may take to say what it knows of a stream that is gone.
const fleetTimeout = 4 * time.Second

// KnownGround asks the workers that live what they know of the stream TRACKER, for who is about to make it. Where nobody lives
// nothing is known. It fails when somebody is there and does not answer.
func KnownGround(ctx context.Context, nc *nats.Conn) (Ground, error) {
	ctx, cancel := context.WithTimeout(ctx, fleetTimeout)
	defer cancel()
	m, err := nc.RequestWithContext(ctx, "tracker.fleet", nil)
	if errors.Is(err, nats.ErrNoResponders) {
		return Ground{}, nil
	}
	if err != nil {
		return Ground{}, fmt.Errorf("bus: ask the workers for the sequences of %s: %w", StreamTracker, err)
	}
	var reply struct {
		Partitions []struct {
			Epoch uint64 `json:"epoch"`
		} `json:"partitions"`
		Error *Error `json:"error"`
	}
	if err := json.Unmarshal(m.Data, &reply); err != nil {
		return Ground{}, fmt.Errorf("bus: ask the workers for the sequences of %s: %w", StreamTracker, err)
	}
	if reply.Error != nil {
		return Ground{}, fmt.Errorf("bus: ask the workers for the sequences of %s: %w", StreamTracker, reply.Error)
	}
	var known Ground
	for _, p := range reply.Partitions {
		known.Last = max(known.Last, p.Epoch)
	}
	return known, nil
}

// MissingError is [ErrAssets] for a stream that is not there.
type MissingError struct{ Stream string }

func (e *MissingError) Error() string {
	return fmt.Sprintf("%v: stream %s is missing; create it with `tracker streams create`, or run a worker "+
		"with --manage-assets create", ErrAssets, e.Stream)
}

// Is reports whether target is [ErrAssets].
func (e *MissingError) Is(target error) bool { return target == ErrAssets }

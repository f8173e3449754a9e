package bus

import (
	"context"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"
)

// CheckRoom fails, with an error that is [ErrAssets], when the stream of starts has no room left for another one, so that
// publishers are refused. That ends by itself when the starts that it holds are tracked.
func CheckRoom(ctx context.Context, js jetstream.JetStream) error {
	stream, err := js.Stream(ctx, StreamStarts)
	if err != nil {
		return fmt.Errorf("bus: stream %s: %w", StreamStarts, err)
	}
	if info := stream.CachedInfo(); crowded(info, 1) {
		return fmt.Errorf("%w: stream %s is full, %d of %d bytes: starts are refused until those in it are tracked, "+
			"or its max_bytes is raised", ErrAssets, StreamStarts, info.State.Bytes, info.Config.MaxBytes)
	}
	return nil
}

// Crowded reports whether more than half of what a stream may hold is taken.
func Crowded(info *jetstream.StreamInfo) bool { return crowded(info, 2) }

// crowded reports whether another two messages of the usual size would be more than a share, one in so many, of what a
// stream may hold.
func crowded(info *jetstream.StreamInfo, share uint64) bool {
	limit, taken, messages := info.Config.MaxBytes, info.State.Bytes, info.State.Msgs
	return limit > 0 && messages > 0 && taken+2*taken/messages > uint64(limit)/share
}

package process

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"trackerfleet/bus"
	"trackerfleet/cmd/tracker/config"
)

// joinTimeout bounds how long a server may be without a leader for its streams.
const joinTimeout = 15 * time.Second

// EnsureStreams checks the streams and, in mode [bus.AssetsCreate], creates those that are missing. A server that has no
// leader yet is asked again. The error is [bus.ErrAssets] when streams or server are not as they must be.
func EnsureStreams(ctx context.Context, nc *nats.Conn, s *config.Loaded, mode bus.AssetMode) error {
	ctx, cancel := context.WithTimeout(ctx, joinTimeout)
	defer cancel()
	js, err := jetstream.New(nc)
	if err != nil {
		return fmt.Errorf("process: jetstream: %w", err)
	}
	pause := time.NewTicker(250 * time.Millisecond)
	defer pause.Stop()
	for {
		attempt, done := context.WithTimeout(ctx, 5*time.Second)
		err := ensure(attempt, js, mode, assetSettings(s))
		done()
		if err == nil || errors.Is(err, bus.ErrAssets) {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("process: streams: %w", err)
		case <-pause.C:
		}
	}
}

// ensure makes TRACKER, if that is missing, with sequences above all that workers know which live: one was there before, then.
func ensure(ctx context.Context, js jetstream.JetStream, mode bus.AssetMode, settings bus.AssetSettings) error {
	if mode == bus.AssetsCreate {
		_, err := bus.ReadGround(ctx, js)
		var missing *bus.MissingError
		if errors.As(err, &missing) {
			known, err := bus.KnownGround(ctx, js.Conn())
			if err != nil {
				return err
			}
			settings.FirstSequence = known.Next()
		}
	}
	return bus.EnsureAssets(ctx, js, mode, settings)
}

func assetSettings(s *config.Loaded) bus.AssetSettings {
	return bus.AssetSettings{Replicas: s.Streams.Replicas}
}

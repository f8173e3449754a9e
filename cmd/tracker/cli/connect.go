package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go"

	"trackerfleet/bus"
	"trackerfleet/cmd/tracker/config"
	"trackerfleet/cmd/tracker/connect"
)

// errConnect is every failure to reach NATS.
var errConnect = errors.New("connect")

// dial connects a verb to a fleet. It does not wait for a server that is not there. The function returned closes the
// connection.
func dial(ctx context.Context, s *config.Loaded) (fleet, func(), error) {
	nc, err := connectTo(ctx, s)
	if err != nil {
		return nil, nil, err
	}
	client, err := bus.NewClient(nc, bus.ClientConfig{Timeout: s.Timeout})
	if err != nil {
		nc.Close()
		return nil, nil, err
	}
	return client, nc.Close, nil
}

// connectTo connects to NATS as s says. It does not wait for a server that is not there.
func connectTo(ctx context.Context, s *config.Loaded) (*nats.Conn, error) {
	cfg, err := connect.Config(s)
	if err != nil {
		return nil, err
	}
	cfg.Options = append(cfg.Options, nats.RetryOnFailedConnect(false))
	nc, err := bus.Connect(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errConnect, err)
	}
	return nc, nil
}

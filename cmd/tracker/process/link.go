package process

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"go.uber.org/zap"

	"trackerfleet/bus"
)

// link is a connection that knows whether it was closed on purpose.
type link struct {
	nc      *nats.Conn
	closed  chan struct{}
	leaving atomic.Bool
}

// dial connects, and waits for a server that is not there yet until ctx ends. lost is called when the connection is closed
// for good though nobody here wanted that.
func dial(ctx context.Context, cfg bus.ConnectConfig, name string, log *zap.Logger, lost func(error)) (*link, error) {
	l := &link{closed: make(chan struct{})}
	cfg.Name = name
	cfg.OnError = func(err error) { log.Warn("nats", zap.Error(err)) }
	cfg.OnDisconnect = func(err error) {
		if !l.leaving.Load() {
			log.Warn("disconnected from nats", zap.Error(err))
		}
	}
	cfg.OnReconnect = func(url string) { log.Info("connected to nats again", zap.String("url", url)) }
	cfg.OnClosed = func(err error) {
		if !l.leaving.Load() {
			lost(fmt.Errorf("%w: %w", ErrConnectionLost, err))
		}
		close(l.closed)
	}
	slow := time.AfterFunc(slowConnect, func() { log.Warn("no connection to nats yet", zap.Strings("servers", cfg.URLs)) })
	defer slow.Stop()
	nc, err := bus.Connect(ctx, cfg)
	if err != nil {
		l.leaving.Store(true)
		return nil, err
	}
	l.nc = nc
	return l, nil
}

// slowConnect is when a connection that is still not there is worth a line in the log.
const slowConnect = 2 * time.Second

// drain lets what is under way finish, as long as ctx allows, and closes the connection.
func (l *link) drain(ctx context.Context) error {
	l.leaving.Store(true)
	err := l.nc.Drain()
	if err != nil {
		l.nc.Close()
	}
	select {
	case <-l.closed:
	case <-ctx.Done():
		l.nc.Close()
		<-l.closed
		err = context.Cause(ctx)
	}
	if errors.Is(err, nats.ErrConnectionReconnecting) || errors.Is(err, nats.ErrConnectionClosed) {
		return nil // nothing was there to drain
	}
	if err != nil {
		return fmt.Errorf("process: drain connection: %w", err)
	}
	return nil
}

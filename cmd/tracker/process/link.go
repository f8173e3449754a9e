package process

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"go.uber.org/zap"

	"trackerfleet/bus"
)

// link is a connection that knows whether it was closed on purpose, and says what the server refuses it.
type link struct {
	nc      *nats.Conn
	closed  chan struct{}
	leaving atomic.Bool

	log      *zap.Logger
	refusals *bus.Refusals
	mu       sync.Mutex
	renewal  *time.Timer // nil: none is due
	said     string      // the last complaint in the log
	saidAt   time.Time
}

// dial connects, and waits for a server that is not there yet until ctx ends. refusals notes what the server refuses. lost is called
// when the connection is closed for good though nobody here wanted that.
func dial(
	ctx context.Context, cfg bus.ConnectConfig, name string, log *zap.Logger, refusals *bus.Refusals, lost func(error),
) (*link, error) {
	l := &link{closed: make(chan struct{}), log: log, refusals: refusals}
	cfg.Name = name
	cfg.OnError, cfg.OnRefused = l.complain, l.unconnected
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
	l.mu.Lock()
	defer l.mu.Unlock()
	l.nc = nc
	return l, nil
}

// complain is told of what belongs to no call.
func (l *link) complain(err error) {
	refusal, news, missing := l.refusals.Permission(err, time.Now())
	switch {
	case missing:
		if news {
			l.log.Error("a permission is missing", zap.Stringer("reason", refusal), zap.Uint64("times", refusal.Times))
		}
		if refusal.Subscribe && refusal.Needed() {
			l.renew()
		}
	case bus.Refused(err):
		l.unconnected(err)
	case l.news(err.Error(), time.Now()):
		l.log.Warn("nats", zap.Error(err))
	}
}

// sameAfter is when the same complaint is worth another line: a client that drops messages says so of each.
const sameAfter = time.Second

// news reports whether a complaint is another one than the last, or that was a while ago.
func (l *link) news(complaint string, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if complaint == l.said && now.Sub(l.saidAt) < sameAfter {
		return false
	}
	l.said, l.saidAt = complaint, now
	return true
}

// unconnected is told why there is no connection, as often as it is tried.
func (l *link) unconnected(err error) {
	if l.refusals.Connection(err, time.Now()) && bus.Refused(err) && !l.leaving.Load() {
		l.log.Error("nats refuses the connection", zap.Error(err))
	}
}

// renewAfter is the pause before a new connection is made for the sake of subscriptions that were refused.
const renewAfter = 3 * time.Second

// renew has a new connection made in a while. A server forgets a subscription that it refuses, or takes away, and does not bring it
// back when the permission is there again; a new connection asks for all of them.
func (l *link) renew() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.renewal != nil || l.leaving.Load() {
		return
	}
	l.renewal = time.AfterFunc(renewAfter, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.renewal = nil
		if l.leaving.Load() || l.nc == nil {
			return
		}
		l.log.Warn("connecting anew for the subscriptions that were refused")
		if err := l.nc.ForceReconnect(); err != nil {
			l.log.Warn("connect anew", zap.Error(err))
		}
	})
}

// settle ends what is due later.
func (l *link) settle() {
	l.leaving.Store(true)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.renewal != nil {
		l.renewal.Stop()
	}
}

// slowConnect is when a connection that is still not there is worth a line in the log.
const slowConnect = 2 * time.Second

// drain lets what is under way finish, as long as ctx allows, and closes the connection.
func (l *link) drain(ctx context.Context) error {
	l.settle()
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

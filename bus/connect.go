package bus

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
)

// ConnectConfig says how to reach NATS. The zero value connects to a server on loopback.
type ConnectConfig struct {
	// URLs of the servers of one cluster; empty: nats://127.0.0.1:4222.
	URLs []string
	// Name is shown in the server's connection list.
	Name string
	// Credentials is the path of a .creds file (JWT and seed); empty: none.
	Credentials string
	// InboxPrefix starts the subjects of replies; empty: _INBOX.
	InboxPrefix string
	// OnError receives errors that belong to no call (slow consumers, refused permissions); nil: they are dropped.
	OnError func(error)
	// OnDisconnect and OnReconnect are told of losses of the connection; nil: nobody is.
	OnDisconnect func(error)
	OnReconnect  func(url string)
	// OnClosed is called when the connection is closed for good: by Close, or because the server refused to talk any
	// further. err is the last error, nil after a clean Close.
	OnClosed func(err error)
	// Options are applied last, for TLS, an in-process server, tests.
	Options []nats.Option
}

func (c ConnectConfig) withDefaults() ConnectConfig {
	if len(c.URLs) == 0 {
		c.URLs = []string{nats.DefaultURL}
	}
	if c.Name == "" {
		c.Name = "tracker"
	}
	if c.InboxPrefix == "" {
		c.InboxPrefix = nats.InboxPrefix[:len(nats.InboxPrefix)-1]
	}
	return c
}

func (c ConnectConfig) validate() error {
	var faults []error
	for _, u := range c.URLs {
		if strings.TrimSpace(u) == "" {
			faults = append(faults, errors.New("bus: server URL is empty"))
		}
	}
	if c.Credentials != "" {
		if _, err := os.Stat(c.Credentials); err != nil {
			faults = append(faults, fmt.Errorf("bus: credentials: %w", err))
		}
	}
	return errors.Join(faults...)
}

// Connect returns a connection that reconnects for ever and never publishes stale data after a reconnect: while it is
// disconnected a publish fails at once. It waits for the first connection until ctx is done and then fails with an error
// that says which servers were tried.
func Connect(ctx context.Context, cfg ConnectConfig) (*nats.Conn, error) {
	cfg = cfg.withDefaults()
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	connected := make(chan struct{}, 1)
	closed := make(chan error, 1)
	nc, err := nats.Connect(strings.Join(cfg.URLs, ","), cfg.options(connected, closed)...)
	if err != nil {
		return nil, cfg.connectError(err)
	}
	// With RetryOnFailedConnect a connection attempt that succeeds at once calls the handler too, but later.
	if nc.IsConnected() {
		return nc, nil
	}
	select {
	case <-connected:
		return nc, nil
	case err := <-closed:
		return nil, cfg.connectError(err)
	case <-ctx.Done():
		last := nc.LastError()
		nc.Close()
		return nil, cfg.connectError(errors.Join(context.Cause(ctx), last))
	}
}

func (c ConnectConfig) connectError(err error) error {
	if broken := (*url.Error)(nil); errors.As(err, &broken) {
		err = broken.Err // without the URL, which may have a password in it
	}
	return fmt.Errorf("bus: connect to %s: %w; is a nats-server running there? `tracker dev` starts one",
		strings.Join(redacted(c.URLs), ", "), err)
}

// redacted returns URLs without the passwords in them. What is no URL is not shown at all.
func redacted(urls []string) []string {
	shown := make([]string, len(urls))
	for i, raw := range urls {
		shown[i] = "(not a URL)"
		if !strings.Contains(raw, "://") {
			raw = "nats://" + raw
		}
		if u, err := url.Parse(raw); err == nil {
			shown[i] = u.Redacted()
		}
	}
	return shown
}

func (c ConnectConfig) options(connected chan<- struct{}, closed chan<- error) []nats.Option {
	opts := []nats.Option{
		nats.Name(c.Name),
		nats.CustomInboxPrefix(c.InboxPrefix),
		nats.MaxReconnects(-1),
		nats.RetryOnFailedConnect(true),
		nats.IgnoreAuthErrorAbort(),
		nats.ReconnectWait(50 * time.Millisecond),
		nats.ReconnectJitter(200*time.Millisecond, 200*time.Millisecond),
		nats.ReconnectBufSize(-1),
		nats.PingInterval(time.Second),
		nats.MaxPingsOutstanding(2),
		nats.ConnectHandler(func(*nats.Conn) { notify(connected, struct{}{}) }),
		nats.ReconnectHandler(func(nc *nats.Conn) {
			if c.OnReconnect != nil {
				c.OnReconnect(nc.ConnectedUrlRedacted())
			}
		}),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if c.OnDisconnect != nil {
				c.OnDisconnect(err)
			}
		}),
		nats.ErrorHandler(func(_ *nats.Conn, sub *nats.Subscription, err error) {
			if c.OnError == nil {
				return
			}
			if sub != nil {
				err = fmt.Errorf("bus: subscription %s: %w", sub.Subject, err)
			}
			c.OnError(err)
		}),
		nats.ClosedHandler(func(nc *nats.Conn) {
			notify(closed, nc.LastError())
			if c.OnClosed != nil {
				c.OnClosed(nc.LastError())
			}
		}),
	}
	if c.Credentials != "" {
		opts = append(opts, nats.UserCredentials(c.Credentials))
	}
	return append(opts, c.Options...)
}

// notify hands v to a channel with room for one, or drops it because one is there already.
func notify[T any](c chan<- T, v T) {
	select {
	case c <- v:
	default:
	}
}

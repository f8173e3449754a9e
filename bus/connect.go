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
	// Credentials is the path of a .creds file (JWT and seed), which is read again for each attempt to connect; empty: none.
	Credentials string
	// Nkey is the path of a file with the seed of an nkey, which is read again for each attempt to connect; empty: none.
	Nkey string
	// InboxPrefix starts the subjects of replies; empty: _INBOX.
	InboxPrefix string
	// OnError receives errors that belong to no call (slow consumers, refused permissions); nil: they are dropped.
	OnError func(error)
	// OnDisconnect and OnReconnect are told of losses of the connection; nil: nobody is.
	OnDisconnect func(error)
	OnReconnect  func(url string)
	// OnRefused is told why an attempt to connect has failed; nil: nobody is. Of an attempt that the server ended because of its
	// user OnError is told.
	OnRefused func(error)
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
	if c.Nkey != "" {
		if err := CheckNkey(c.Nkey); err != nil {
			faults = append(faults, err)
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
	options := cfg.options(connected, closed)
	key := &nkeyFile{path: cfg.Nkey}
	if cfg.Nkey != "" {
		options = append(options, key.options()...)
	}
	nc, err := nats.Connect(strings.Join(cfg.URLs, ","), options...)
	if err != nil {
		return nil, cfg.connectError(err)
	}
	key.conn.Store(nc)
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
	pace := new(pace)
	opts := []nats.Option{
		nats.Name(c.Name),
		nats.CustomInboxPrefix(c.InboxPrefix),
		nats.MaxReconnects(-1),
		nats.RetryOnFailedConnect(true),
		nats.IgnoreAuthErrorAbort(),
		nats.CustomReconnectDelay(pace.pause),
		nats.ReconnectBufSize(-1),
		nats.PingInterval(time.Second),
		nats.MaxPingsOutstanding(2),
		nats.ConnectHandler(func(*nats.Conn) {
			pace.connected()
			notify(connected, struct{}{})
		}),
		nats.ReconnectHandler(func(nc *nats.Conn) {
			pace.connected()
			if c.OnReconnect != nil {
				c.OnReconnect(nc.ConnectedUrlRedacted())
			}
		}),
		nats.ReconnectErrHandler(func(_ *nats.Conn, err error) {
			pace.failed(err)
			if c.OnRefused != nil && err != nil {
				c.OnRefused(err)
			}
		}),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if c.OnDisconnect != nil {
				c.OnDisconnect(err)
			}
		}),
		nats.ErrorHandler(func(_ *nats.Conn, sub *nats.Subscription, err error) {
			if Refused(err) {
				pace.failed(err)
			}
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

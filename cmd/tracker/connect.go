package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"

	"github.com/nats-io/jsm.go/natscontext"
	"github.com/nats-io/nats.go"

	"trackerfleet/bus"
	"trackerfleet/cmd/tracker/config"
)

// errConnect is every failure to reach NATS.
var errConnect = errors.New("connect")

// dial connects a verb to a fleet. It does not wait for a server that is not there. The function returned closes the
// connection.
func dial(ctx context.Context, s *config.Loaded) (fleet, func(), error) {
	cfg, err := connection(s)
	if err != nil {
		return nil, nil, err
	}
	cfg.Options = append(cfg.Options, nats.RetryOnFailedConnect(false))
	nc, err := bus.Connect(ctx, cfg)
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %w", errConnect, err)
	}
	client, err := bus.NewClient(nc, bus.ClientConfig{Timeout: s.Timeout})
	if err != nil {
		nc.Close()
		return nil, nil, err
	}
	return client, nc.Close, nil
}

// connection returns how to reach NATS. A context gives everything that is not set as explicitly as itself.
func connection(s *config.Loaded) (bus.ConnectConfig, error) {
	cfg := bus.ConnectConfig{Name: "tracker", Credentials: s.Creds}
	servers := s.Server
	if s.Context != "" {
		nctx, err := natscontext.New(s.Context, true)
		if err != nil {
			return cfg, fmt.Errorf("%w: nats context %q: %w", errUsage, s.Context, err)
		}
		opts, err := nctx.NATSOptions()
		if err != nil {
			return cfg, fmt.Errorf("%w: nats context %q: %w", errUsage, s.Context, err)
		}
		cfg.Options = opts
		cfg.InboxPrefix = nctx.InboxPrefix()
		if s.Origin("server").Layer < s.Origin("context").Layer {
			servers = []config.URL{config.URL(nctx.ServerURL())}
		}
		if s.Origin("creds").Layer < s.Origin("context").Layer {
			cfg.Credentials = ""
		}
	}
	for _, server := range servers {
		bare, auth := withoutUser(string(server))
		cfg.URLs = append(cfg.URLs, bare)
		cfg.Options = append(cfg.Options, auth...)
	}
	if s.TLS.CA != "" {
		cfg.Options = append(cfg.Options, nats.RootCAs(s.TLS.CA))
	}
	if s.TLS.Cert != "" {
		cfg.Options = append(cfg.Options, nats.ClientCert(s.TLS.Cert, s.TLS.Key))
	}
	return cfg, nil
}

// withoutUser splits user and password, or a token, off a URL, so that no message about the URL shows them.
func withoutUser(raw string) (string, []nats.Option) {
	u, err := url.Parse(raw)
	if err != nil || u.User == nil {
		return raw, nil
	}
	name := u.User.Username()
	password, isUser := u.User.Password()
	u.User = nil
	if isUser {
		return u.String(), []nats.Option{nats.UserInfo(name, password)}
	}
	return u.String(), []nats.Option{nats.Token(name)}
}

// Package connect turns settings into a way to reach NATS.
package connect

import (
	"fmt"
	"net/url"

	"github.com/nats-io/jsm.go/natscontext"
	"github.com/nats-io/nats.go"

	"trackerfleet/bus"
	"trackerfleet/cmd/tracker/config"
)

// Config returns how to reach NATS. A context gives everything that is not set as explicitly as itself.
func Config(s *config.Loaded) (bus.ConnectConfig, error) {
	cfg := bus.ConnectConfig{Name: "tracker", Credentials: s.Creds, InboxPrefix: s.InboxPrefix}
	servers := s.Server
	outranked := func(key string) bool { return s.Context != "" && s.Origin(key).Layer < s.Origin("context").Layer }
	if s.Context != "" {
		nctx, err := natscontext.New(s.Context, true)
		if err != nil {
			return cfg, fmt.Errorf("%w: nats context %q: %w", config.ErrInvalid, s.Context, err)
		}
		opts, err := nctx.NATSOptions()
		if err != nil {
			return cfg, fmt.Errorf("%w: nats context %q: %w", config.ErrInvalid, s.Context, err)
		}
		cfg.Options = opts
		if outranked("inbox_prefix") {
			cfg.InboxPrefix = nctx.InboxPrefix()
		}
		if outranked("server") {
			servers = []config.URL{config.URL(nctx.ServerURL())}
		}
		if outranked("creds") {
			cfg.Credentials = ""
		}
	}
	for _, server := range servers {
		bare, auth := withoutUser(string(server))
		cfg.URLs = append(cfg.URLs, bare)
		cfg.Options = append(cfg.Options, auth...)
	}
	if s.User != "" && !outranked("user") {
		// Asked for again for each attempt to connect, so that a new password in its file is taken up.
		cfg.Options = append(cfg.Options, nats.UserInfoHandler(func() (string, string) { return s.User, s.Password.Fresh() }))
	}
	if s.Nkey != "" && !outranked("nkey") {
		if err := bus.CheckNkey(s.Nkey); err != nil {
			return cfg, fmt.Errorf("%w: %w", config.ErrInvalid, err)
		}
		cfg.Nkey = s.Nkey
	}
	if s.TLS.CA != "" {
		cfg.Options = append(cfg.Options, nats.RootCAs(s.TLS.CA))
	}
	if s.TLS.HandshakeFirst {
		cfg.Options = append(cfg.Options, nats.TLSHandshakeFirst())
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

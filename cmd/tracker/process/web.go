package process

import (
	"context"
	"errors"
	"fmt"
	"net"
	"syscall"

	"trackerfleet/cmd/tracker/monitor"
)

// web is HTTP, where it is served.
type web struct {
	cfg     Config
	monitor *monitor.Server
	addr    string
}

func newWeb(cfg Config) *web {
	return &web{cfg: cfg, monitor: monitor.New(len(cfg.Names), cfg.Build)}
}

func (w *web) start(ctx context.Context) error {
	addr := w.cfg.Settings.HTTP
	if addr == "" {
		return nil
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", addr)
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("%w: %s, for HTTP", ErrPortBusy, addr)
	}
	if err != nil {
		return fmt.Errorf("process: listen for HTTP: %w", err)
	}
	w.addr = l.Addr().String()
	w.monitor.Start(l)
	return nil
}

func (w *web) stop(ctx context.Context) error {
	if w.addr == "" {
		return nil
	}
	return w.monitor.Stop(ctx)
}

func (w *web) add(m monitor.Member) error { return w.monitor.Add(m) }

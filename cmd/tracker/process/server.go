package process

import (
	"context"

	"github.com/nats-io/nats.go"

	"trackerfleet/bus/embedded"
)

// server is the embedded NATS server, or nothing where the process uses one elsewhere.
type server struct {
	cfg     Config
	running *embedded.Server
}

func newServer(cfg Config) *server { return &server{cfg: cfg} }

func (s *server) start(ctx context.Context) (err error) {
	if !s.cfg.Embedded {
		return nil
	}
	s.running, err = embedded.Start(caller(ctx), embedded.Config{
		Dir: s.cfg.Settings.Data, Port: s.cfg.port(), Logger: serverLog{s.cfg.Log.Named("nats-server")},
	})
	return err
}

func (s *server) stop(ctx context.Context) error {
	if s.running == nil {
		return nil
	}
	return s.running.Stop(ctx)
}

// inProcess returns how to connect without the network, nil where the server is elsewhere.
func (s *server) inProcess() nats.Option {
	if s.running == nil {
		return nil
	}
	return s.running.InProcess()
}

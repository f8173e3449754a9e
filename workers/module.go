package workers

import (
	"context"

	"github.com/nats-io/nats.go"
	"go.uber.org/fx"
	"go.uber.org/zap"
)

// Connections are what a worker talks over; see [New].
type Connections struct {
	Main  *nats.Conn
	Pulse *nats.Conn
}

// Module provides a [*Worker] of a [Config] and [Connections], starts it with the application, and stops it before what it
// was made of. A worker that cannot go on shuts the application down with exit code 1.
var Module = fx.Module("workers", fx.Provide(provide), fx.Invoke(register))

func provide(cfg Config, c Connections) (*Worker, error) { return New(c.Main, c.Pulse, cfg) }

func register(lc fx.Lifecycle, shutdown fx.Shutdowner, w *Worker) {
	watching, stop := context.WithCancel(context.Background())
	watched := make(chan struct{})
	lc.Append(fx.Hook{
		OnStart: func(ctx context.Context) error {
			if err := w.Start(ctx); err != nil {
				stop()
				return err
			}
			go func() {
				defer close(watched)
				w.watchFailure(watching, shutdown)
			}()
			return nil
		},
		OnStop: func(ctx context.Context) error {
			stop()
			<-watched
			return w.Stop(ctx)
		},
	})
}

// watchFailure shuts the application down when the worker fails.
func (w *Worker) watchFailure(ctx context.Context, shutdown fx.Shutdowner) {
	select {
	case err := <-w.Failed():
		w.log.Error("worker cannot go on", zap.Error(err))
		if err := shutdown.Shutdown(fx.ExitCode(1)); err != nil {
			w.log.Error("shut down", zap.Error(err))
		}
	case <-ctx.Done():
	}
}

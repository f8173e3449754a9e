package process

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.uber.org/fx"
	"go.uber.org/fx/fxevent"
	"go.uber.org/zap"

	"trackerfleet/bus"
	"trackerfleet/supervision"
	"trackerfleet/workers"
	"trackerfleet/workers/source"
)

// member is one worker with its connections.
type member struct {
	app    *fx.App
	worker *workers.Worker
	links  *links
}

// links are the connections of one member.
type links struct{ main, pulse *link }

func (l *links) connections() workers.Connections {
	return workers.Connections{Main: l.main.nc, Pulse: l.pulse.nc}
}

func (l *links) drain(ctx context.Context) error {
	return errors.Join(l.main.drain(ctx), l.pulse.drain(ctx))
}

// newMember connects a worker called name, sees to the streams, and returns it ready to be started. After an error nothing
// is left open.
func newMember(ctx context.Context, cfg Config, nats bus.ConnectConfig, name string, lost func(error)) (*member, error) {
	log := cfg.Log.Named("nats").With(zap.String("worker", name))
	refusals := new(bus.Refusals)
	main, err := dial(ctx, nats, name, log, refusals, lost)
	if err != nil {
		return nil, err
	}
	pulse, err := dial(ctx, nats, name+" heartbeat", log, refusals, lost)
	if err != nil {
		return nil, errors.Join(err, main.drain(ctx))
	}
	m := &member{links: &links{main, pulse}}
	if err := EnsureStreams(ctx, m.links.main.nc, cfg.Settings, bus.AssetMode(cfg.Settings.ManageAssets)); err != nil {
		return nil, errors.Join(err, m.links.drain(ctx))
	}
	wcfg, err := workerConfig(cfg, name)
	if err != nil {
		return nil, errors.Join(err, m.links.drain(ctx))
	}
	wcfg.Refusals = refusals
	m.app = fx.New(memberOptions(wcfg, m.links, cfg), fx.Populate(&m.worker))
	if err := m.app.Err(); err != nil {
		return nil, errors.Join(err, m.links.drain(ctx))
	}
	return m, nil
}

// stop stops the member and returns when it is gone. At the end of ctx it leaves at once.
func (m *member) stop(ctx context.Context) error {
	if err := m.app.Stop(ctx); err != nil {
		return errors.Join(err, m.leave(ctx))
	}
	return nil
}

// leave sees to the end of what fx has abandoned: hooks that still run, and those that it did not come to.
func (m *member) leave(ctx context.Context) error {
	err := m.worker.Stop(ctx) // waits for a Stop that is under way
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), leaveTimeout)
	defer cancel()
	return errors.Join(err, m.links.drain(ctx))
}

// leaveTimeout bounds the draining of connections when there is no time left.
const leaveTimeout = 2 * time.Second

// memberOptions wires one member. Hooks are appended in this order and stop in the other.
func memberOptions(wcfg workers.Config, l *links, cfg Config) fx.Option {
	return fx.Options(
		fx.StopTimeout(cfg.Settings.StopTimeout),
		fx.WithLogger(func() fxevent.Logger { return fxLogger(cfg.Log) }),
		fx.Supply(wcfg, l),
		fx.Provide((*links).connections),
		fx.Module("connections", fx.Invoke(func(lc fx.Lifecycle, l *links) { lc.Append(fx.StopHook(l.drain)) })),
		workers.Module,
	)
}

// fxLogger logs what fx does, for those who look. Errors of hooks are returned, so they are not logged as errors as well.
func fxLogger(log *zap.Logger) fxevent.Logger {
	l := &fxevent.ZapLogger{Logger: log.Named("fx")}
	l.UseLogLevel(zap.DebugLevel)
	l.UseErrorLevel(zap.DebugLevel)
	return l
}

// workerConfig returns the configuration of the worker called name, with source values of its own.
func workerConfig(cfg Config, name string) (workers.Config, error) {
	s := cfg.Settings
	sources := make(map[string]source.Source, len(s.Sources))
	for profile, src := range s.Sources {
		made, err := src.New()
		if err != nil {
			return workers.Config{}, fmt.Errorf("process: source %s: %w", profile, err)
		}
		sources[profile] = made
	}
	return workers.Config{
		Name: name, Version: cfg.Build.Version, Fleet: s.Fleet, Sources: sources, DefaultSource: s.DefaultSource, Lease: s.Lease,
		Restarts:    supervision.Intensity{MaxRestarts: s.Supervision.MaxRestarts, Period: s.Supervision.Period},
		Backoff:     supervision.Backoff{Base: s.Supervision.Backoff.Base, Cap: s.Supervision.Backoff.Cap},
		MaxTrackers: s.MaxTrackers, OpenBatches: s.Streams.OpenBatches, RecordTTL: s.Retention.Finished, EventTTL: s.Retention.Events,
		Assets: assetSettings(s), ManageAssets: bus.AssetMode(s.ManageAssets),
		AllowCrash: s.AllowCrash, Logger: cfg.Log,
	}, nil
}

package process

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"trackerfleet/bus"
	"trackerfleet/cmd/tracker/connect"
)

// members are the workers of the process.
type members struct {
	cfg  Config
	nats *server
	web  *web
	fail func(error)

	mu      sync.Mutex
	running []*member

	watching sync.WaitGroup
	unwatch  context.CancelFunc
}

func newMembers(cfg Config, nats *server, web *web, f *failure) *members {
	return &members{cfg: cfg, nats: nats, web: web, fail: f.set, unwatch: func() {}}
}

// start makes all members join at the same time, so that they share what there is. The first that fails interrupts the others;
// after an error none is left.
func (ms *members) start(ctx context.Context) error {
	ctx, interrupt := context.WithCancelCause(caller(ctx))
	defer interrupt(nil)
	target, err := connect.Config(ms.cfg.Settings)
	if err != nil {
		return err
	}
	if option := ms.nats.inProcess(); option != nil {
		target = bus.ConnectConfig{}
		target.Options = append(target.Options, option)
	}
	watching, unwatch := context.WithCancel(context.WithoutCancel(ctx))
	ms.unwatch = unwatch
	faults := make([]error, len(ms.cfg.Names))
	var joining sync.WaitGroup
	for i, name := range ms.cfg.Names {
		joining.Go(func() {
			if faults[i] = ms.join(ctx, watching, target, name); faults[i] != nil {
				interrupt(faults[i])
			}
		})
	}
	joining.Wait()
	if first := context.Cause(ctx); first != nil {
		return errors.Join(first, ms.stop(context.WithoutCancel(ctx)))
	}
	return nil
}

func (ms *members) join(ctx, watching context.Context, target bus.ConnectConfig, name string) error {
	m, err := newMember(ctx, ms.cfg, target, name, ms.fail)
	if err != nil {
		return fmt.Errorf("process: worker %s: %w", name, err)
	}
	if err := m.app.Start(ctx); err != nil {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
		defer cancel()
		return errors.Join(fmt.Errorf("process: worker %s: %w", name, err), m.leave(ctx))
	}
	ms.mu.Lock()
	ms.running = append(ms.running, m)
	ms.mu.Unlock()
	ms.watching.Go(func() { ms.watch(watching, m) })
	return ms.web.add(m.worker)
}

// watch tells when the member shuts itself down. fx also tells of signals, with exit code 0; they are the caller's business.
func (ms *members) watch(ctx context.Context, m *member) {
	shutdown := m.app.Wait()
	for {
		select {
		case s := <-shutdown:
			if s.ExitCode != 0 {
				ms.fail(fmt.Errorf("%w: %s", ErrWorkerFailed, m.worker.Name()))
				return
			}
		case <-ctx.Done():
			return
		}
	}
}

// stop stops all members at the same time and returns when the last one is gone, or has been given up at the end of ctx.
func (ms *members) stop(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), ms.cfg.Settings.StopTimeout)
	defer cancel()
	ms.unwatch()
	ms.watching.Wait()
	ms.mu.Lock()
	leaving := ms.running
	ms.running = nil
	ms.mu.Unlock()
	faults := make([]error, len(leaving))
	var stopping sync.WaitGroup
	for i, m := range leaving {
		stopping.Go(func() { faults[i] = m.stop(ctx) })
	}
	stopping.Wait()
	return errors.Join(faults...)
}

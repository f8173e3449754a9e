package cli

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"

	"trackerfleet/cmd/tracker/config"
	"trackerfleet/cmd/tracker/monitor"
	"trackerfleet/cmd/tracker/process"
)

// processConfig returns what runs in this process with settings s.
func (a *app) processConfig(s *config.Loaded, embedded bool, names ...string) (process.Config, error) {
	log, err := process.NewLogger(s.Log, a.err)
	if err != nil {
		return process.Config{}, err
	}
	b := thisBuild()
	return process.Config{
		Settings: s, Names: names, Embedded: embedded, Log: log,
		Build: monitor.Build{Version: b.Version, Revision: b.Revision, Go: b.Go},
	}, nil
}

// host runs a process, calls serve once it is ready, and stops it when serve returns, or when it cannot go on by itself; then
// the context of serve ends with the reason.
func host(ctx context.Context, cfg process.Config, serve func(context.Context, *process.Process) error) error {
	p, err := process.New(cfg)
	if err != nil {
		return err
	}
	if err := p.Start(ctx); err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	served := make(chan error, 1)
	go func() {
		err := p.AwaitReady(ctx)
		if err == nil {
			err = serve(ctx, p)
		}
		served <- err
	}()
	select {
	case err = <-served:
	case failure := <-p.Failed():
		p.Fail(failure)
		cancel(failure)
		err = errors.Join(failure, <-served)
	}
	if stopped := p.Stop(); stopped != nil {
		err = errors.Join(err, fmt.Errorf("stop: %w", stopped))
	}
	return err
}

// untilInterrupted waits for the end of ctx. That somebody wants it to end is no error.
func untilInterrupted(ctx context.Context) error {
	<-ctx.Done()
	if cause := context.Cause(ctx); !errors.Is(cause, errInterrupted) {
		return cause
	}
	return nil
}

// madeUpName returns a name for a worker that was given none; no two are the same.
func madeUpName() string {
	var b [4]byte
	_, _ = rand.Read(b[:]) // never fails
	return "w-" + hex.EncodeToString(b[:])
}

// numberedNames returns w-1, w-2 and so on.
func numberedNames(n int) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("w-%d", i+1)
	}
	return names
}

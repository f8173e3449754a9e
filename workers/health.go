package workers

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"go.uber.org/zap"

	"trackerfleet/bus"
)

// Trouble with the streams is seen within 5 s, and its end within 2: watchEvery is the pause between two looks, watchAgain the
// one after a look that found trouble, watchTimeout how long a look may take, and freshCommit how old a commit may be that
// shows that the store takes writes.
const (
	watchEvery   = 2 * time.Second
	watchAgain   = time.Second
	watchTimeout = 2 * time.Second
	freshCommit  = time.Second
)

// watchdog knows whether the streams are there, are as they must be, and take writes.
type watchdog struct {
	mu     sync.Mutex
	assets error
	writes error

	canary chan error // the outcome of a canary write on its way; nil: there is none. Only look touches it
}

func (d *watchdog) set(assets, writes error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.assets, d.writes = assets, writes
}

func (d *watchdog) state() (assets, writes error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.assets, d.writes
}

// loop looks at the streams until ctx ends.
func (d *watchdog) loop(w *Worker) func(context.Context) error {
	return func(ctx context.Context) error {
		for {
			pause := watchEvery
			if !d.look(ctx, w) {
				pause = watchAgain
			}
			select {
			case <-ctx.Done():
				return context.Cause(ctx)
			case <-time.After(pause):
			}
		}
	}
}

// look checks streams and writes at the same time, each as long as it takes, and reports whether all is well.
func (d *watchdog) look(ctx context.Context, w *Worker) bool {
	w.sayWhyUnconnected()
	var assets, writes error
	var all sync.WaitGroup
	all.Go(func() { assets = w.checkAssets(ctx) })
	all.Go(func() { writes = d.checkWrites(ctx, w) })
	all.Go(func() { w.askAgain(ctx) })
	all.Wait()
	if ctx.Err() != nil {
		return false
	}
	before, _ := d.state()
	switch wrong := errors.Is(assets, bus.ErrAssets); {
	case wrong && !errors.Is(before, bus.ErrAssets):
		w.log.Error("streams are not as they must be", zap.Error(assets))
	case assets != nil && before == nil && !wrong:
		w.log.Warn("streams cannot be looked at", zap.Error(assets))
	}
	d.set(assets, writes)
	return assets == nil && writes == nil
}

func (w *Worker) checkAssets(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, watchTimeout)
	defer cancel()
	if err := w.lookDown(ctx); err != nil {
		return err
	}
	if err := bus.EnsureAssets(ctx, w.js, bus.AssetsVerify, w.cfg.Assets); err != nil {
		return w.createMissing(ctx, err)
	}
	return bus.CheckRoom(ctx, w.js)
}

// connection returns why one of the worker's connections is not there, as far as that is known.
func (w *Worker) connection() error {
	for _, nc := range []*nats.Conn{w.nc, w.pulseNC} {
		if nc.IsConnected() {
			continue
		}
		// What ended an attempt after the server had greeted, as with TLS, is known to the connection only, and until the next one.
		if why := cmp.Or(nc.LastError(), w.cfg.Refusals.Unconnected()); why != nil {
			return fmt.Errorf("not connected: %w", why)
		}
		return errors.New("not connected")
	}
	return nil
}

// sayWhyUnconnected logs what only a connection itself knows: an attempt that ends when the server has greeted tells nobody else.
func (w *Worker) sayWhyUnconnected() {
	for _, nc := range []*nats.Conn{w.nc, w.pulseNC} {
		err := nc.LastError()
		if !nc.IsConnected() && bus.Refused(err) && w.cfg.Refusals.Connection(err, time.Now()) {
			w.log.Error("nats refuses the connection", zap.Error(err))
		}
	}
}

// Check is one thing that must be so for the worker to be ready. Err is nil when it is.
type Check struct {
	Name string
	Err  error
}

// Ready returns what was checked, in a fixed order. The worker is ready when every Err is nil.
func (w *Worker) Ready() []Check {
	assets, writes := w.watch.state()
	checks := []Check{
		{Name: "nats", Err: w.connection()},
		{Name: "permissions", Err: w.cfg.Refusals.Missing(time.Now())},
		{Name: "heartbeat"},
		{Name: "streams", Err: assets},
		{Name: "writes", Err: writes},
		{Name: "partitions"},
		{Name: "draining"},
	}
	if w.unheard() || w.frozen.Load() {
		checks[2].Err = errors.New("own heartbeat is not heard, frozen")
	}
	if err := w.ground.trouble(); err != nil && assets == nil {
		checks[3].Err = err
	}
	loads := 0
	for _, p := range w.partitions {
		if p.is(loading) {
			loads++
		}
	}
	if loads > 0 {
		checks[5].Err = fmt.Errorf("%d partitions are being loaded", loads)
	}
	if w.draining.Load() {
		checks[6].Err = errors.New("leaving the fleet")
	}
	return checks
}

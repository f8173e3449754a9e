package crew

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"
)

var (
	// ErrEnded says that a worker ended though nobody here wanted that.
	ErrEnded = errors.New("crew: worker ended by itself")
	// ErrUnknown says that the crew has no worker of that name, or no more.
	ErrUnknown = errors.New("crew: no such worker")
	// ErrRunning says that the crew has a worker of that name.
	ErrRunning = errors.New("crew: worker runs already")
)

// Config says what the workers are. Program, Args and StopTimeout are required.
type Config struct {
	Program string
	Args    func(name string) []string // of the worker called name
	Environ []string
	Stderr  io.Writer // where the workers log; nil: nowhere

	StopTimeout time.Duration // how long a worker may take to leave before it is killed
}

// Crew is running workers. Its methods are safe for concurrent use.
type Crew struct {
	cfg     Config
	failed  chan error      // 1: the first worker that ended by itself
	working context.Context // ends when all are to leave
	leave   context.CancelFunc

	mu      sync.Mutex
	workers map[string]*worker // those that were not killed
	all     sync.WaitGroup
}

// Start starts a worker for each name and returns once all have said that they are ready. After an error none is left.
func Start(ctx context.Context, cfg Config, names ...string) (*Crew, error) {
	working, leave := context.WithCancel(context.WithoutCancel(ctx))
	c := &Crew{cfg: cfg, failed: make(chan error, 1), working: working, leave: leave, workers: make(map[string]*worker, len(names))}
	for _, name := range names {
		c.begin(name)
	}
	for _, name := range names {
		if err := c.await(ctx, c.workers[name]); err != nil {
			c.Stop()
			return nil, err
		}
	}
	return c, nil
}

// begin starts a worker and returns it, ready or not.
func (c *Crew) begin(name string) *worker {
	w := newWorker(c.working, c.cfg, name)
	c.mu.Lock()
	c.workers[name] = w
	c.mu.Unlock()
	c.all.Go(func() { c.watch(w) })
	return w
}

// await returns when w is ready. It fails when a worker ends before, or ctx does.
func (c *Crew) await(ctx context.Context, w *worker) error {
	select {
	case <-w.ready:
		return nil
	case err := <-c.failed:
		c.tell(err)
		return err
	case <-ctx.Done():
		return fmt.Errorf("crew: start %s: %w", w.name, context.Cause(ctx))
	}
}

// watch runs w and tells when it ends by itself.
func (c *Crew) watch(w *worker) {
	err := w.run()
	c.mu.Lock()
	wanted := c.workers[w.name] != w || c.working.Err() != nil
	c.mu.Unlock()
	if !wanted {
		c.tell(fmt.Errorf("%w: %s: %v", ErrEnded, w.name, err))
	}
}

// tell leaves err for who asks what has failed, if nothing has before.
func (c *Crew) tell(err error) {
	select {
	case c.failed <- err:
	default:
	}
}

// Failed delivers an [ErrEnded] when a worker ends by itself.
func (c *Crew) Failed() <-chan error { return c.failed }

// Said returns the line by which a worker has said that it is ready, "" if there is no such worker, or no more.
func (c *Crew) Said(name string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if w := c.workers[name]; w != nil {
		return w.said
	}
	return ""
}

// Kill ends a worker as kill -9 does and returns when it is gone. It fails with [ErrUnknown] if there is no such worker, and
// with [ErrEnded] if it had ended before.
func (c *Crew) Kill(name string) error {
	c.mu.Lock()
	w := c.workers[name]
	delete(c.workers, name)
	c.mu.Unlock()
	if w == nil {
		return fmt.Errorf("%w: %s", ErrUnknown, name)
	}
	return w.kill()
}

// Again starts a worker that was killed, or a further one, and returns once it has said that it is ready. It fails with [ErrRunning] if
// there is one of that name, with [ErrEnded] if a worker ends by itself meanwhile, or with the cause of ctx. It must not be called
// after Stop.
func (c *Crew) Again(ctx context.Context, name string) error {
	c.mu.Lock()
	running := c.workers[name] != nil
	c.mu.Unlock()
	if running {
		return fmt.Errorf("%w: %s", ErrRunning, name)
	}
	return c.await(ctx, c.begin(name))
}

// Stop has all workers leave and returns when they are gone; those that take longer than the stop timeout are killed.
func (c *Crew) Stop() {
	c.leave()
	c.all.Wait()
}

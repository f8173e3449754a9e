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
	failed chan error // 1: the first worker that ended by itself
	leave  context.CancelFunc

	mu      sync.Mutex
	workers map[string]*worker // those that were not killed
	all     sync.WaitGroup
}

// Start starts a worker for each name and returns once all have said that they are ready. After an error none is left.
func Start(ctx context.Context, cfg Config, names ...string) (*Crew, error) {
	working, leave := context.WithCancel(context.WithoutCancel(ctx))
	c := &Crew{failed: make(chan error, 1), leave: leave, workers: make(map[string]*worker, len(names))}
	for _, name := range names {
		w := newWorker(working, cfg, name)
		c.workers[name] = w
		c.all.Go(func() { c.watch(working, w) })
	}
	for _, name := range names {
		select {
		case <-c.workers[name].ready:
		case err := <-c.failed:
			c.Stop()
			return nil, err
		case <-ctx.Done():
			c.Stop()
			return nil, fmt.Errorf("crew: start %s: %w", name, context.Cause(ctx))
		}
	}
	return c, nil
}

// watch runs w and tells when it ends by itself.
func (c *Crew) watch(working context.Context, w *worker) {
	err := w.run()
	c.mu.Lock()
	wanted := c.workers[w.name] != w || working.Err() != nil
	c.mu.Unlock()
	if wanted {
		return
	}
	select {
	case c.failed <- fmt.Errorf("%w: %s: %v", ErrEnded, w.name, err):
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

// Stop has all workers leave and returns when they are gone; those that take longer than the stop timeout are killed.
func (c *Crew) Stop() {
	c.leave()
	c.all.Wait()
}

package crew

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
)

// worker is one process.
type worker struct {
	name  string
	cmd   *exec.Cmd
	ready chan struct{} // closed when it has said that it is ready
	said  string        // the line that said so; read after ready
	once  sync.Once
	begun chan struct{} // closed when the process was started, or was not
	gone  chan struct{} // closed when it has ended
}

// newWorker returns a worker that leaves at the end of ctx.
func newWorker(ctx context.Context, cfg Config, name string) *worker {
	w := &worker{name: name, ready: make(chan struct{}), begun: make(chan struct{}), gone: make(chan struct{})}
	w.cmd = exec.CommandContext(ctx, cfg.Program, cfg.Args(name)...)
	w.cmd.Env = cfg.Environ
	w.cmd.Stdout = &announcement{told: w.announced}
	w.cmd.Stderr = cfg.Stderr
	w.cmd.SysProcAttr = attributes()
	w.cmd.Cancel = func() error { return w.cmd.Process.Signal(syscall.SIGTERM) }
	w.cmd.WaitDelay = cfg.StopTimeout
	return w
}

// announced takes in that the worker has said, for the first time, that it is ready.
func (w *worker) announced(line string) {
	w.once.Do(func() {
		w.said = line
		close(w.ready)
	})
}

// run starts the process and returns when it has ended. For Linux a parent is a thread: this one must last as long as the child.
func (w *worker) run() error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer close(w.gone)
	err := w.cmd.Start()
	close(w.begun)
	if err != nil {
		return fmt.Errorf("crew: start %s: %w", w.name, err)
	}
	return w.cmd.Wait()
}

// kill ends the process at once and returns when it has ended.
func (w *worker) kill() error {
	<-w.begun
	if w.cmd.Process == nil {
		return fmt.Errorf("%w: %s", ErrEnded, w.name)
	}
	err := w.cmd.Process.Kill()
	<-w.gone
	if err != nil || w.cmd.ProcessState.ExitCode() >= 0 {
		return fmt.Errorf("%w: %s, before it was killed: %v", ErrEnded, w.name, w.cmd.ProcessState)
	}
	return nil
}

// announcement waits for a line that begins with ready.
type announcement struct {
	told func(line string)
	line []byte
}

// maxLine bounds what is kept of a line.
const maxLine = 1 << 10

func (a *announcement) Write(p []byte) (int, error) {
	for _, b := range p {
		switch {
		case b == '\n':
			if bytes.HasPrefix(a.line, []byte("ready ")) {
				a.told(string(a.line))
			}
			a.line = a.line[:0]
		case len(a.line) < maxLine:
			a.line = append(a.line, b)
		}
	}
	return len(p), nil
}

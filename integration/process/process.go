package process

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// patience is how long a process may take to become ready or to end before the test gives up on it.
const patience = time.Minute

// Process is a running program.
type Process struct {
	name   string
	cmd    *exec.Cmd
	stdout *output
	stderr *output
	ended  chan struct{}
	err    error // of Wait; read after ended
}

// Start starts a program. It is killed, if it still runs, when the test ends.
func Start(t testing.TB, path string, args ...string) *Process {
	t.Helper()
	return StartWith(t, nil, path, args...)
}

// StartWith starts a program with more environment and, where dir in set is not empty, in that folder.
func StartWith(t testing.TB, set func(*exec.Cmd), path string, args ...string) *Process {
	t.Helper()
	p := &Process{
		name: path, cmd: exec.Command(path, args...),
		stdout: newOutput(), stderr: newOutput(), ended: make(chan struct{}),
	}
	p.cmd.Stdout, p.cmd.Stderr = p.stdout, p.stderr
	p.cmd.SysProcAttr = tied()
	p.cmd.WaitDelay = 5 * time.Second // for its children that keep the pipes open
	if set != nil {
		set(p.cmd)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatalf("process: %v", err)
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.ended)
	}()
	t.Cleanup(func() { p.finish(t) })
	return p
}

// finish kills the process and reports what it must not have said.
func (p *Process) finish(t testing.TB) {
	p.Kill()
	match := func(line string) bool {
		return slices.ContainsFunc(
			[]string{"panic: ", "fatal error: ", "WARNING: DATA RACE"},
			func(prefix string) bool { return strings.HasPrefix(line, prefix) },
		)
	}
	if line, _, more := p.stderr.find(0, match); more == nil {
		t.Errorf("%s %v said %q", p.name, p.cmd.Args[1:], line)
	}
	if t.Failed() {
		t.Logf("%s %v, the end of its output:\n%s\n%s", p.name, p.cmd.Args[1:], p.stdout.tail(20), p.stderr.tail(60))
	}
}

// PID returns the process's id.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Kill ends the process at once, as kill -9 does, and returns when it is gone.
func (p *Process) Kill() {
	_ = p.cmd.Process.Kill() // fails only when it has ended
	<-p.ended
}

// Signal sends the process a signal.
func (p *Process) Signal(t testing.TB, s syscall.Signal) {
	t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		t.Fatalf("process: %s %s: %v", s, p.name, err)
	}
}

// Wait returns the exit code once the process has ended, -1 when a signal ended it. It fails when ctx ends first.
func (p *Process) Wait(ctx context.Context) (int, error) {
	select {
	case <-p.ended:
		return p.cmd.ProcessState.ExitCode(), nil
	case <-ctx.Done():
		return 0, fmt.Errorf("process: wait for %s: %w", p.name, context.Cause(ctx))
	}
}

// Ended is closed when the process has ended.
func (p *Process) Ended() <-chan struct{} { return p.ended }

// Stdout returns the first line of the standard output that matches, waiting for it.
func (p *Process) Stdout(ctx context.Context, match func(string) bool) (string, error) {
	return p.stdout.wait(ctx, p.ended, match)
}

// Stderr returns the first line of the error output that matches, waiting for it.
func (p *Process) Stderr(ctx context.Context, match func(string) bool) (string, error) {
	return p.stderr.wait(ctx, p.ended, match)
}

// Said returns how many lines of the error output contain text.
func (p *Process) Said(text string) int {
	p.stderr.mu.Lock()
	defer p.stderr.mu.Unlock()
	n := 0
	for _, line := range p.stderr.lines {
		if strings.Contains(line, text) {
			n++
		}
	}
	return n
}

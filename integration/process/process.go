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
	panics bool  // is expected to
}

// Start starts a program. It is killed, if it still runs, when the test ends.
func Start(t testing.TB, path string, args ...string) *Process {
	t.Helper()
	return StartWith(t, nil, path, args...)
}

// StartWith starts a program after set had its way with the command.
func StartWith(t testing.TB, set func(*exec.Cmd), path string, args ...string) *Process {
	t.Helper()
	p := &Process{
		name: path, cmd: exec.Command(path, args...),
		stdout: newOutput(), stderr: newOutput(), ended: make(chan struct{}),
	}
	p.cmd.Stdout, p.cmd.Stderr = p.stdout, p.stderr
	p.cmd.Env = environment()
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

// environment is the test's own, without what would configure the fleet.
func environment() []string {
	return slices.DeleteFunc(os.Environ(), func(set string) bool {
		return strings.HasPrefix(set, "TRACKER_") || strings.HasPrefix(set, "NATS_")
	})
}

// ExpectPanic says that the process is to end with a panic. Of any other that is reported.
func (p *Process) ExpectPanic() { p.panics = true }

// finish kills the process and reports what it must not have said.
func (p *Process) finish(t testing.TB) {
	p.Kill()
	match := func(line string) bool {
		return slices.ContainsFunc(
			[]string{"panic: ", "fatal error: ", "WARNING: DATA RACE"},
			func(prefix string) bool { return strings.HasPrefix(line, prefix) && (!p.panics || prefix != "panic: ") },
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

// Kill ends the process and its children at once, as kill -9 does, and returns when it is gone.
func (p *Process) Kill() {
	select {
	case <-p.ended:
	default:
		_ = syscall.Kill(-p.PID(), syscall.SIGKILL) // fails only when it has just ended
		<-p.ended
	}
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

// Output returns what the process has written to its standard output and to its error output, whole lines.
func (p *Process) Output() (stdout, stderr []string) { return p.stdout.all(), p.stderr.all() }

// Ended is closed when the process has ended.
func (p *Process) Ended() <-chan struct{} { return p.ended }

// Stdout returns the first line of the standard output that matches, waiting for it.
func (p *Process) Stdout(ctx context.Context, match func(string) bool) (string, error) {
	line, _, err := p.stdout.wait(ctx, p.ended, 0, match)
	return line, err
}

// Expect waits until the standard output has the given lines, in order and perhaps with others between. In a line … stands for
// any text, also none. It fails with the first line that does not come.
func (p *Process) Expect(ctx context.Context, lines []string) error {
	from := 0
	for _, want := range lines {
		_, next, err := p.stdout.wait(ctx, p.ended, from, func(got string) bool { return matches(want, got) })
		if err != nil {
			return fmt.Errorf("%q: %w", want, err)
		}
		from = next
	}
	return nil
}

// matches reports whether got is want, in which … stands for any text.
func matches(want, got string) bool {
	want, got = strings.TrimSpace(want), strings.TrimSpace(got)
	parts := strings.Split(want, "…")
	if len(parts) == 1 {
		return want == got
	}
	got, ok := strings.CutPrefix(got, parts[0])
	if !ok {
		return false
	}
	for _, part := range parts[1 : len(parts)-1] {
		i := strings.Index(got, part)
		if i < 0 {
			return false
		}
		got = got[i+len(part):]
	}
	return strings.HasSuffix(got, parts[len(parts)-1])
}

// Stderr returns the first line of the error output that matches, waiting for it.
func (p *Process) Stderr(ctx context.Context, match func(string) bool) (string, error) {
	line, _, err := p.stderr.wait(ctx, p.ended, 0, match)
	return line, err
}

// Said returns how many lines of the error output contain text.
func (p *Process) Said(text string) int {
	n := 0
	for _, line := range p.stderr.all() {
		if strings.Contains(line, text) {
			n++
		}
	}
	return n
}

package cli

import (
	"bufio"
	"context"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// asTracker makes the test binary be tracker.
const asTracker = "TRACKERFLEET_TEST_AS_TRACKER"

// child is tracker in a process of its own.
type child struct {
	t      *testing.T
	cmd    *exec.Cmd
	lines  *bufio.Scanner
	stderr lockedBuffer
}

// spawn starts a process and returns it and the first line that begins with ready.
func spawn(t *testing.T, args ...string) (*child, []string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	c := &child{t: t, cmd: exec.CommandContext(ctx, os.Args[0], args...)}
	c.cmd.Env = append(os.Environ(), asTracker+"=1")
	c.cmd.Stderr = &c.stderr
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = c.cmd.Process.Signal(syscall.SIGCONT)
		_ = c.cmd.Process.Kill() // it has ended unless the test failed
		_ = c.cmd.Wait()
	})
	var lines []string
	for c.lines = bufio.NewScanner(out); c.lines.Scan(); {
		lines = append(lines, c.lines.Text())
		if strings.HasPrefix(c.lines.Text(), "ready") {
			return c, lines
		}
	}
	t.Fatalf("%q ended before it was ready: %s", args, c.stderr.String())
	return nil, nil
}

func (c *child) signal(s syscall.Signal) {
	c.t.Helper()
	if err := c.cmd.Process.Signal(s); err != nil {
		c.t.Fatal(err)
	}
}

// awaitReady returns once /readyz answers 200, as the address in the line that said ready has it.
func (c *child) awaitReady(line string) {
	c.t.Helper()
	_, address, _ := strings.Cut(line, "http=")
	ctx, cancel := context.WithTimeout(c.t.Context(), 30*time.Second)
	defer cancel()
	transport := &http.Transport{DisableKeepAlives: true}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/readyz", nil)
		if err != nil {
			c.t.Fatal(err)
		}
		code := 0
		if resp, err := transport.RoundTrip(r); err == nil {
			code = resp.StatusCode
			resp.Body.Close()
		}
		if code == http.StatusOK {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			c.t.Fatalf("not ready again, last code %d: %s", code, c.stderr.String())
		}
	}
}

// wait returns the exit code, and how long it took to come.
func (c *child) wait() (int, time.Duration) {
	c.t.Helper()
	began := time.Now()
	var exit *exec.ExitError
	if err := c.cmd.Wait(); err != nil && !errors.As(err, &exit) {
		c.t.Fatal(err)
	}
	return c.cmd.ProcessState.ExitCode(), time.Since(began)
}

func TestSIGTERM_stopsGracefullyAndASecondOneAtOnce(t *testing.T) {
	dev, lines := spawn(t, "dev", "--port", "0", "--http", "127.0.0.1:0", "--lease", "1s")
	server := ""
	for _, line := range lines {
		if _, found, ok := strings.Cut(line, "nats://"); ok && server == "" {
			server = "nats://" + strings.TrimSpace(found)
		}
	}
	file := filepath.Join(t.TempDir(), "tracker.yaml")
	if err := os.WriteFile(file, []byte("sources: {sim: {kind: simulated}}\nlease: 1s\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	graceful, _ := spawn(t, "worker", "--server", server, "--config", file)
	graceful.signal(syscall.SIGTERM)
	if code, _ := graceful.wait(); code != 0 {
		t.Errorf("graceful: exit %d: %s", code, graceful.stderr.String())
	}

	stuck, _ := spawn(t, "worker", "--server", server, "--config", file, "--stop-timeout", "1h")
	dev.signal(syscall.SIGSTOP) // now nothing can be handed over
	stuck.signal(syscall.SIGTERM)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, _ = stuck.cmd.Process.Wait()
	}()
	select {
	case <-ended:
		t.Fatalf("the first SIGTERM did not wait: %s", stuck.stderr.String())
	case <-time.After(time.Second):
	}
	stuck.signal(syscall.SIGTERM)
	select {
	case <-ended:
	case <-time.After(5 * time.Second):
		t.Error("the second SIGTERM did not end it")
	}
	dev.signal(syscall.SIGCONT)
	dev.awaitReady(lines[len(lines)-1]) // it thaws by itself; before that it could not hand anything over
	dev.signal(syscall.SIGINT)
	if code, _ := dev.wait(); code != 0 {
		t.Errorf("dev: exit %d: %s", code, dev.stderr.String())
	}
}

func TestStopTimeout_boundsAStopThatHangs(t *testing.T) {
	dev, lines := spawn(t, "dev", "--port", "0", "--http", "127.0.0.1:0", "--lease", "1s")
	_, server, _ := strings.Cut(strings.Join(lines, "\n"), "nats://")
	server, _, _ = strings.Cut(server, "\n")
	file := filepath.Join(t.TempDir(), "tracker.yaml")
	if err := os.WriteFile(file, []byte("sources: {sim: {kind: simulated}}\nlease: 1s\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	worker, _ := spawn(t, "worker", "--server", "nats://"+server, "--config", file, "--stop-timeout", "1s")
	dev.signal(syscall.SIGSTOP)
	worker.signal(syscall.SIGTERM)
	code, took := worker.wait()
	if code == 0 || took > 20*time.Second {
		t.Errorf("exit %d after %v: %s", code, took, worker.stderr.String())
	}
	dev.signal(syscall.SIGCONT)
	dev.awaitReady(lines[len(lines)-1])
	dev.signal(syscall.SIGTERM)
	if code, _ := dev.wait(); code != 0 {
		t.Errorf("dev: exit %d: %s", code, dev.stderr.String())
	}
}

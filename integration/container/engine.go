package container

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// missing skips a test for want of something on this machine, or fails it in CI.
func missing(t testing.TB, format string, args ...any) {
	t.Helper()
	reason := fmt.Sprintf(format, args...)
	if os.Getenv("CI") == "true" {
		t.Fatalf("container: %s, and CI must run this test", reason)
	}
	t.Skipf("container: %s; in CI this test fails instead", reason)
}

// engineTimeout is how long an engine may take to say its version.
const engineTimeout = 10 * time.Second

// requireEngine skips the test where no engine answers.
func requireEngine(t testing.TB) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), engineTimeout)
	defer cancel()
	if out, err := exec.CommandContext(ctx, "docker", "version", "--format", "{{.Server.Version}}").CombinedOutput(); err != nil {
		missing(t, "no Docker engine answers (%v: %s)", err, strings.TrimSpace(string(out)))
	}
}

// composeCommand returns how Compose is called here: docker-compose, of version 1.29 or 2, or the plugin of docker. It needs no
// engine.
func composeCommand(t testing.TB) []string {
	t.Helper()
	for _, command := range [][]string{{"docker-compose"}, {"docker", "compose"}} {
		args := append(command[1:len(command):len(command)], "version")
		if exec.CommandContext(t.Context(), command[0], args...).Run() == nil {
			return command
		}
	}
	missing(t, "neither docker-compose nor docker compose is installed")
	return nil
}

// run runs a command and returns its standard output. Its error output is in the error.
func run(ctx context.Context, dir string, environ []string, stdin io.Reader, command ...string) (string, error) {
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Dir, cmd.Env, cmd.Stdin = dir, append(os.Environ(), environ...), stdin
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = engineTimeout
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return stdout.String(), fmt.Errorf("container: %s: %w\n%s", strings.Join(command, " "), err, tail(stdout.String()+stderr.String()))
	}
	return stdout.String(), nil
}

// tail returns the last lines of text.
func tail(text string) string {
	const lines = 40
	all := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}

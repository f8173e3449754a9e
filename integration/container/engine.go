package container

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
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

// Composer is a Compose that is installed here.
type Composer struct {
	version string
	command []string // how it is called
}

func (c Composer) major() string {
	major, _, _ := strings.Cut(c.version, ".")
	return major
}

// composers returns the installed Composes, of each major version the first that is found: the shipped file is for version 1.29 and
// for version 2. They need no engine. The test is skipped where there is none, and fails in CI unless both are there.
func composers(t testing.TB) (found []Composer) {
	t.Helper()
	for _, command := range [][]string{{"docker-compose"}, {"docker", "compose"}, {"docker-compose-v2"}} {
		args := append(command[1:len(command):len(command)], "version", "--short")
		out, err := exec.CommandContext(t.Context(), command[0], args...).Output()
		c := Composer{version: strings.TrimPrefix(strings.TrimSpace(string(out)), "v"), command: command}
		if err == nil && !slices.ContainsFunc(found, func(o Composer) bool { return o.major() == c.major() }) {
			found = append(found, c)
		}
	}
	switch {
	case len(found) == 0:
		missing(t, "neither docker-compose nor docker compose is installed")
	case len(found) == 1 && os.Getenv("CI") == "true":
		t.Fatalf("container: Compose %s is installed alone, and CI must try version 1.29 and version 2", found[0].version)
	}
	return found
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

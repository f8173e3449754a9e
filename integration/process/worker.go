package process

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Worker is a running tracker worker.
type Worker struct {
	*Process
	Name string
	HTTP string // address of /readyz, /healthz and /metrics
}

// WorkerConfig says how a worker is started.
type WorkerConfig struct {
	Binary string // path of the tracker; "" for the one of this tree
	Server string // URL of its NATS
	Name   string
	YAML   string   // its configuration file's content
	Lease  string   // "" for the default
	Flags  []string // further ones
	Env    []string // further ones, such as NAME=VALUE
	Clock  *Clock   // nil: the machine's

	Network *Network // it runs at the far end; nil: here
}

// StartWorker starts a worker and returns when it says that it is ready.
func StartWorker(t testing.TB, config WorkerConfig) *Worker {
	t.Helper()
	w := LaunchWorker(t, config)
	w.AwaitReady(t)
	return w
}

// LaunchWorker starts a worker and does not wait for it.
func LaunchWorker(t testing.TB, config WorkerConfig) *Worker {
	t.Helper()
	file := filepath.Join(t.TempDir(), "tracker.yaml")
	if err := os.WriteFile(file, []byte(config.YAML), 0o600); err != nil {
		t.Fatal(err)
	}
	http := []string{"--http", "127.0.0.1:0"}
	if config.Network != nil {
		http = []string{"--http", config.Network.Far + ":0", "--http-insecure"}
	}
	args := []string{"worker", "--server", config.Server, "--name", config.Name, "--config", file}
	if config.Lease != "" {
		args = append(args, "--lease", config.Lease)
	}
	binary := config.Binary
	if binary == "" {
		binary = tracker(t, config.Clock)
	}
	set := func(cmd *exec.Cmd) {
		config.Clock.follow(cmd)
		cmd.Env = append(cmd.Env, config.Env...)
		config.Network.join(cmd)
	}
	return &Worker{Process: StartWith(t, set, binary, slices.Concat(args, http, config.Flags)...), Name: config.Name}
}

// AwaitReady returns when the worker has said that it is ready.
func (w *Worker) AwaitReady(t testing.TB) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	line, err := w.Stdout(ctx, func(line string) bool { return strings.HasPrefix(line, "ready ") })
	if err != nil {
		t.Fatalf("worker %s: %v", w.Name, err)
	}
	for field := range strings.FieldsSeq(line) {
		if address, ok := strings.CutPrefix(field, "http="); ok {
			w.HTTP = address
		}
	}
	if !strings.Contains(line, "worker="+w.Name) || w.HTTP == "" {
		t.Fatalf("worker %s: its ready line is %q", w.Name, line)
	}
}

package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"trackerfleet/cmd/tracker/config"
	"trackerfleet/cmd/tracker/crew"
)

const (
	crewSource = "chain"         // the only source of a crew
	crewStop   = 5 * time.Second // how long each worker may take to stop by itself
)

// crewSettings returns the settings of workers of this program's own, on a chain.
func crewSettings(server string, chain config.Source) *config.Loaded {
	s := &config.Loaded{Settings: config.Defaults(config.RoleWorker)}
	s.Server, s.StopTimeout, s.Log.Level = []config.URL{config.URL(server)}, crewStop, "error"
	s.Sources, s.DefaultSource = config.Sources{crewSource: chain}, crewSource
	return s
}

// company is processes of this program: workers, or what args says.
type company struct {
	settings *config.Loaded
	environ  []string
	names    []string
	args     func(file, name string) []string // of the process of that name, which reads file
}

// workerArgs has a process be a worker that crashes on request.
func workerArgs(file, name string) []string {
	return []string{"worker", "--config", file, "--name", name, "--allow-crash"}
}

// withCrew calls serve with the processes of c and ends them afterwards. The context of serve ends when one of them does so by
// itself.
func (a *app) withCrew(ctx context.Context, c company, serve func(context.Context, *crew.Crew) error) error {
	program, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find the own program: %w", err)
	}
	dir, err := os.MkdirTemp("", "tracker-crew-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "tracker.yaml")
	if err := writeSettings(file, c.settings); err != nil {
		return err
	}
	workers, err := crew.Start(ctx, crew.Config{
		Program: program, Environ: c.environ, Stderr: a.err, StopTimeout: 2 * crewStop,
		Args: func(name string) []string { return c.args(file, name) },
	}, c.names...)
	if err != nil {
		return err
	}
	defer workers.Stop()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	served := make(chan error, 1)
	go func() { served <- serve(ctx, workers) }()
	select {
	case err := <-served:
		return err
	case failure := <-workers.Failed():
		cancel(failure)
		return errors.Join(failure, <-served)
	}
}

// writeSettings writes s as a configuration file that nobody else may read.
func writeSettings(file string, s *config.Loaded) error {
	text, err := config.YAML(s.Entries(), false)
	if err != nil {
		return err
	}
	if err := os.WriteFile(file, text, 0o600); err != nil {
		return fmt.Errorf("settings of the workers: %w", err)
	}
	return nil
}

// ownEnviron returns environ without what would set or lead workers elsewhere.
func ownEnviron(environ []string) []string {
	return slices.DeleteFunc(slices.Clone(environ), func(v string) bool {
		return strings.HasPrefix(v, "TRACKER_") || strings.HasPrefix(v, "NATS_")
	})
}

// withPrefix returns the variables whose names begin with prefix.
func withPrefix(environ []string, prefix string) []string {
	return slices.DeleteFunc(slices.Clone(environ), func(v string) bool { return !strings.HasPrefix(v, prefix) })
}

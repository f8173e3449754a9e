package cli

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"trackerfleet/cmd/tracker/config"
	"trackerfleet/cmd/tracker/crew"
	"trackerfleet/cmd/tracker/process"
)

// benchServer is the process of the NATS server of a bench.
const benchServer = "server"

// natsProcess is a NATS server that is a process of its own.
type natsProcess struct {
	url     string // for clients
	metrics string // URL of /metrics of the process
	dir     string // of the store
}

// withNATS calls serve with a NATS server in a process of its own, whose store is gone afterwards.
func (a *app) withNATS(ctx context.Context, serve func(context.Context, natsProcess) error) (err error) {
	dir, err := os.MkdirTemp("", "tracker-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	s := &config.Loaded{Settings: config.Defaults(config.RoleDev)}
	s.Data, s.HTTP, s.Port, s.Log.Level = dir, "127.0.0.1:0", 0, "error"
	return a.withCrew(ctx, company{s, ownEnviron(a.environ), []string{benchServer}, benchArgs}, func(ctx context.Context, servers *crew.Crew) error {
		ready := servers.Said(benchServer)
		return serve(ctx, natsProcess{url: said(ready, "nats"), metrics: metricsURL(ready), dir: dir})
	})
}

// benchServerCommand runs the NATS server of a bench. The bench itself starts it.
func (a *app) benchServerCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "server", Short: "Run the NATS server of a bench", Args: cobra.NoArgs, Hidden: true}
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		s, err := a.settings(cmd, config.RoleDev)
		if err != nil {
			return err
		}
		cfg, err := a.processConfig(s, true)
		if err != nil {
			return err
		}
		return host(cmd.Context(), cfg, func(ctx context.Context, p *process.Process) error {
			fmt.Fprintf(a.out, "ready nats=%s http=%s\n", p.NATS(), p.HTTP())
			return untilInterrupted(ctx)
		})
	}
	return cmd
}

// benchArgs has a process be a worker, or what else a bench needs.
func benchArgs(file, name string) []string {
	switch name {
	case benchEcho, benchServer:
		return []string{"bench", name, "--config", file}
	}
	return workerArgs(file, name)
}

// said returns what a process has said of key in the line that it is ready.
func said(line, key string) string {
	for word := range strings.FieldsSeq(line) {
		if value, ok := strings.CutPrefix(word, key+"="); ok {
			return value
		}
	}
	return ""
}

// metricsURL returns where the metrics are of a process that has said that it is ready.
func metricsURL(line string) string { return "http://" + said(line, "http") + "/metrics" }

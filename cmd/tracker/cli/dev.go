package cli

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"trackerfleet/cmd/tracker/config"
	"trackerfleet/cmd/tracker/process"
)

func (a *app) devCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "dev",
		Short: "Run NATS, workers and a simulated source in one process, for development",
		Long: "Run NATS, workers and a source in one process until interrupted. It listens on loopback only and asks nobody for a\n" +
			"password. Without --data everything is forgotten at the end.",
		Args: cobra.NoArgs,
	}
	bind(cmd.Flags(), config.RoleDev, "data", "port", "http", "workers", "lease")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		s, err := a.settings(cmd, config.RoleDev)
		if err != nil {
			return err
		}
		cfg, err := a.processConfig(s, true, numberedNames(s.Workers)...)
		if err != nil {
			return err
		}
		return host(cmd.Context(), cfg, func(ctx context.Context, p *process.Process) error {
			devBanner(a.out, s, p, cfg.Names)
			return untilInterrupted(ctx)
		})
	}
	return cmd
}

// devBanner says what runs, where, and what to try.
func devBanner(out io.Writer, s *config.Loaded, p *process.Process, names []string) {
	store := "kept in " + p.Data()
	if s.Data == "" {
		store = "temporary, gone when this ends; --data DIR keeps it"
	}
	server := ""
	if p.NATS() != string(config.Defaults(config.RoleClient).Server[0]) {
		server = " --server " + p.NATS()
	}
	fmt.Fprintf(out, "tracker dev: development mode, not for production: no passwords, no TLS, one copy of the data\n\n")
	fmt.Fprintf(out, "  nats      %s\n", p.NATS())
	if p.HTTP() != "" {
		for _, path := range []string{"healthz", "readyz", "metrics"} {
			fmt.Fprintf(out, "  %-8s  http://%s/%s\n", path, p.HTTP(), path)
		}
	}
	fmt.Fprintf(out, "  data      %s\n", store)
	fmt.Fprintf(out, "  workers   %s\n", strings.Join(names, " "))
	fmt.Fprintf(out, "  sources   %s\n\n", sourceNames(s))
	for _, line := range []string{
		"start txn_1", "lookup txn_1", "stop txn_1 --reason its_a_crash", "events -f",
	} {
		fmt.Fprintf(out, "  tracker %s%s\n", line, server)
	}
	for _, name := range names {
		fmt.Fprintf(out, "\nready worker=%s http=%s", name, p.HTTP())
	}
	fmt.Fprintln(out)
}

// sourceNames returns the source profiles with their kinds.
func sourceNames(s *config.Loaded) string {
	var names []string
	for _, e := range s.Entries() {
		if name, ok := strings.CutSuffix(strings.TrimPrefix(e.Key, "sources."), ".kind"); ok {
			if name == s.DefaultSource {
				name += " (default)"
			}
			names = append(names, fmt.Sprintf("%s: %v", name, e.Value))
		}
	}
	return strings.Join(names, ", ")
}

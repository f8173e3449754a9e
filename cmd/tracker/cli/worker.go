package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"trackerfleet/cmd/tracker/config"
	"trackerfleet/cmd/tracker/process"
)

func (a *app) workerCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "worker",
		Short: "Run one worker of a fleet",
		Long: "Run one worker of a fleet until SIGTERM or SIGINT; then it hands over what it has and leaves. A second signal makes it\n" +
			"leave at once. It prints one line on standard output when it is ready: ready worker=NAME http=ADDRESS",
		Example: "  tracker worker --server nats://10.0.0.1:4222,nats://10.0.0.2:4222 --config tracker.yaml",
		Args:    cobra.NoArgs,
	}
	bind(cmd.Flags(), config.RoleWorker, "name", "http", "http_insecure", "lease", "manage_assets", "allow_crash", "stop_timeout")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		s, err := a.settings(cmd, config.RoleWorker)
		if err != nil {
			return err
		}
		if len(s.Sources) == 0 {
			return &usageError{errors.New("no sources are configured: name a file with sources with --config, or run `tracker dev` for a simulated one")}
		}
		if s.Name == "" {
			s.Name = madeUpName()
		}
		cfg, err := a.processConfig(s, false, s.Name)
		if err != nil {
			return err
		}
		return host(cmd.Context(), cfg, func(ctx context.Context, p *process.Process) error {
			fmt.Fprintf(a.out, "ready worker=%s http=%s\n", s.Name, p.HTTP())
			return untilInterrupted(ctx)
		})
	}
	return cmd
}

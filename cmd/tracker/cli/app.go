package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"trackerfleet/bus"
	"trackerfleet/cmd/tracker/config"
	"trackerfleet/cmd/tracker/render"
)

// app is one run of the command line with everything it touches of the process.
type app struct {
	in       io.Reader
	out, err io.Writer
	environ  []string
	kinds    []config.Kind // of sources, beside those that are built in
	dial     func(ctx context.Context, s *config.Loaded) (f fleet, hangUp func(), err error)

	format render.Format // of the answer, once settings were loaded
}

// run runs one command line and returns its exit code.
func (a *app) run(ctx context.Context, args []string) int {
	running := false
	root := a.root(&running)
	root.SetArgs(args)
	root.SetIn(a.in)
	root.SetOut(a.out)
	root.SetErr(a.err)
	err := root.ExecuteContext(ctx)
	if err != nil && !running {
		err = &usageError{err}
	}
	if err != nil && errors.Is(context.Cause(ctx), errInterrupted) && errors.Is(err, context.Canceled) {
		err = errInterrupted
	}
	a.report(err)
	return exitCode(err)
}

// report prints err for people on standard error and, in the JSON formats, for programs as the wire has it.
func (a *app) report(err error) {
	if err == nil || errors.Is(err, errTold) {
		return
	}
	var wire *bus.Error
	if errors.As(err, &wire) && (a.format == render.JSON || a.format == render.JSONL) {
		body := bus.ErrorBody{Status: bus.StatusError, Error: wire}
		if perr := (render.Printer{Format: a.format, Out: a.out}).Print(body, nil); perr != nil {
			fmt.Fprintln(a.err, "tracker:", perr)
		}
	}
	fmt.Fprintln(a.err, "tracker:", clean(explain(err)))
}

// clean returns text with its line breaks, and everything else that a terminal would obey made visible.
func clean(text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		lines[i] = render.Cell(line)
	}
	return strings.Join(lines, "\n")
}

// root returns the command line; running is set once flags and arguments were understood.
func (a *app) root(running *bool) *cobra.Command {
	root := &cobra.Command{
		Use:           "tracker",
		Short:         "Follow transactions to their end with a fleet of workers on NATS",
		SilenceErrors: true,
		SilenceUsage:  true,
		PersistentPreRun: func(*cobra.Command, []string) {
			*running = true
		},
	}
	f := root.PersistentFlags()
	f.String("config", "", "YAML file of settings; also $"+config.EnvFile)
	bind(f, config.RoleClient, "server", "context", "creds", "user", "nkey", "inbox_prefix", "timeout")
	bindShort(f, config.RoleClient, "output", "o")
	root.AddCommand(
		a.devCommand(), a.demoCommand(), a.workerCommand(),
		a.startCommand(), a.lookupCommand(), a.callCommand(), a.stopCommand(), a.retryCommand(), a.listCommand(),
		a.eventsCommand(), a.waitCommand(), a.fleetCommand(), a.drainCommand(), a.configCommand(), a.versionCommand(),
		a.checkCommand(), a.doctorCommand(), a.streamsCommand(), a.benchCommand(),
	)
	return root
}

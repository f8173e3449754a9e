package cli

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"trackerfleet/bus"
	"trackerfleet/cmd/tracker/config"
)

// session is one verb's connection to a fleet.
type session struct {
	*app
	fleet    fleet
	settings *config.Loaded
	timeout  time.Duration // of one request
}

// verb returns what cobra runs: settings are loaded, a connection made, serve called, the connection closed.
func (a *app) verb(serve func(ctx context.Context, s *session, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		settings, err := a.settings(cmd, config.RoleClient)
		if err != nil {
			return err
		}
		ctx := cmd.Context()
		dialing, cancel := context.WithTimeout(ctx, settings.Timeout)
		defer cancel()
		f, hangUp, err := a.dial(dialing, settings)
		if err != nil {
			return err
		}
		defer hangUp()
		return serve(ctx, &session{app: a, fleet: f, settings: settings, timeout: settings.Timeout}, args)
	}
}

// ask calls request with a context that ends after the timeout of one request.
func ask[T any](ctx context.Context, s *session, request func(context.Context) (T, error)) (T, error) {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	return request(ctx)
}

// parseID reads a transaction ID from the command line.
func parseID(arg string) (bus.ID, error) {
	id, err := bus.ParseID(arg)
	if err != nil {
		return id, &usageError{err}
	}
	return id, nil
}

// noFiles keeps the shell from completing arguments with the names of files.
func noFiles(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return nil, cobra.ShellCompDirectiveNoFileComp
}

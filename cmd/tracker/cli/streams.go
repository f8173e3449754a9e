package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"trackerfleet/bus"
	"trackerfleet/cmd/tracker/config"
	"trackerfleet/cmd/tracker/connect"
	"trackerfleet/cmd/tracker/process"
)

func (a *app) streamsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "streams",
		Short: "Create, verify or print the streams of a fleet, for those whose workers may not create them",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return &usageError{errors.New("streams needs a verb: create, verify or print")}
		},
	}
	cmd.AddCommand(
		a.ensureStreamsCommand("create", "Create the streams that are missing, and verify those that are there", bus.AssetsCreate),
		a.ensureStreamsCommand("verify", "Verify that the streams are as workers need them", bus.AssetsVerify),
		a.printStreamsCommand(),
	)
	return cmd
}

func (a *app) ensureStreamsCommand(name, short string, mode bus.AssetMode) *cobra.Command {
	cmd := &cobra.Command{Use: name, Short: short, Args: cobra.NoArgs}
	bind(cmd.Flags(), config.RoleClient, "streams.replicas")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		s, err := a.settings(cmd, config.RoleClient)
		if err != nil {
			return err
		}
		ctx, cancel := context.WithTimeout(cmd.Context(), streamsTimeout)
		defer cancel()
		cfg, err := connect.Config(s)
		if err != nil {
			return err
		}
		nc, err := bus.Connect(ctx, cfg)
		if err != nil {
			return fmt.Errorf("%w: %w", errConnect, err)
		}
		defer nc.Close()
		return process.EnsureStreams(ctx, nc, s, mode)
	}
	return cmd
}

// streamsTimeout is how long a cluster may take to come up that streams are to be created on.
const streamsTimeout = time.Minute

func (a *app) printStreamsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "print",
		Short: "Print the definitions of the streams as one JSON object, each as nats stream add --config reads it",
		Args:  cobra.NoArgs,
	}
	bind(cmd.Flags(), config.RoleClient, "streams.replicas")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		s, err := a.settings(cmd, config.RoleClient)
		if err != nil {
			return err
		}
		definitions, err := bus.AssetsJSON(bus.AssetSettings{Replicas: s.Streams.Replicas})
		if err != nil {
			return err
		}
		out := json.NewEncoder(a.out)
		out.SetIndent("", "  ")
		if err := out.Encode(definitions); err != nil {
			return fmt.Errorf("write answer: %w", err)
		}
		return nil
	}
	return cmd
}

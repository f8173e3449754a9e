package cli

import (
	"context"
	"os/user"

	"github.com/spf13/cobra"

	"trackerfleet/bus"
	"trackerfleet/cmd/tracker/render"
)

func (a *app) stopCommand() *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use:   "stop ID",
		Short: "Stop a tracker, or have it crash with a reason of its own",
		Long: "Stop a tracker. With the reason normal or shutdown it ends with the event stopped and its ID is free again.\n" +
			"Any other reason is an abnormal exit: a transient or permanent tracker is restarted.",
		Example:           "  tracker stop txn_1\n  tracker stop txn_1 --reason its_a_crash",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: noFiles,
	}
	cmd.Flags().StringVar(&reason, "reason", bus.ReasonNormal, "normal, shutdown or a reason of your own")
	cmd.RunE = a.verb(func(ctx context.Context, s *session, args []string) error {
		id, err := parseID(args[0])
		if err != nil {
			return err
		}
		request := bus.StopRequest{TransactionID: id, Reason: reason, By: whoami()}
		reply, err := ask(ctx, s, func(ctx context.Context) (bus.StopReply, error) { return s.fleet.Stop(ctx, request) })
		if err != nil {
			return err
		}
		return s.printer().Print(reply, func() render.Grid { return answerGrid(string(reply.Status), reply.Tracker) })
	})
	return cmd
}

// whoami names the person at the keyboard for the events, as far as the system knows; else it is empty.
func whoami() string {
	u, err := user.Current()
	if err != nil {
		return ""
	}
	return u.Username
}

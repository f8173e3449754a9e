package cli

import (
	"context"

	"github.com/spf13/cobra"

	"trackerfleet/bus"
	"trackerfleet/cmd/tracker/render"
)

func (a *app) retryCommand() *cobra.Command {
	return &cobra.Command{
		Use:               "retry ID",
		Short:             "Bring back a tracker that was parked after too many crashes",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: noFiles,
		RunE:              a.verb(retry),
	}
}

func retry(ctx context.Context, s *session, args []string) error {
	id, err := parseID(args[0])
	if err != nil {
		return err
	}
	request := bus.RetryRequest{TransactionID: id, By: whoami()}
	reply, err := ask(ctx, s, func(ctx context.Context) (bus.RetryReply, error) { return s.fleet.Retry(ctx, request) })
	if err != nil {
		return err
	}
	return s.printer().Print(reply, func() render.Grid { return answerGrid(string(reply.Status), reply.Tracker) })
}

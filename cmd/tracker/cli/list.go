package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"trackerfleet/bus"
	"trackerfleet/cmd/tracker/render"
)

func (a *app) listCommand() *cobra.Command {
	request, all := bus.ListRequest{Limit: bus.DefaultListLimit}, false
	cmd := &cobra.Command{
		Use:   "list [FILTER]",
		Short: "List trackers",
		Long: "List trackers that match every condition of the filter: status, phase, source, worker, partition, id,\n" +
			"label.<key>, run, restarts, events, age (since the start), idle (since the last change).",
		Example: "  tracker list status:confirming source:mainnet\n" +
			"  tracker list 'label.team:wallet age:>10m -phase:finished'",
		ValidArgsFunction: noFiles,
	}
	f := cmd.Flags()
	f.IntVar(&request.Limit, "limit", request.Limit, fmt.Sprintf("trackers on one page, at most %d", bus.MaxListLimit))
	f.StringVar(&request.Cursor, "cursor", "", "of the page before")
	f.BoolVar(&all, "all", false, "every page, one after the other; with json one document for each")
	cmd.RunE = a.verb(func(ctx context.Context, s *session, args []string) error {
		request.Filter = strings.Join(args, " ")
		if _, err := bus.ParseFilter(request.Filter); err != nil {
			return &usageError{err}
		}
		if request.Limit < 1 || request.Limit > bus.MaxListLimit {
			return &usageError{fmt.Errorf("--limit %d: must be 1 to %d", request.Limit, bus.MaxListLimit)}
		}
		return list(ctx, s, request, all)
	})
	return cmd
}

func list(ctx context.Context, s *session, request bus.ListRequest, all bool) error {
	incomplete := false
	for {
		reply, err := ask(ctx, s, func(ctx context.Context) (bus.ListReply, error) { return s.fleet.List(ctx, request) })
		if err != nil {
			return err
		}
		incomplete = incomplete || reply.Incomplete
		err = render.PrintItems(s.printer(), reply, reply.Trackers, func() render.Grid { return listGrid(reply, all) })
		if err != nil {
			return err
		}
		if request.Cursor = reply.Cursor; !all || request.Cursor == "" {
			break
		}
	}
	if incomplete {
		fmt.Fprintln(s.err, "tracker: the list is incomplete: some partitions could not answer")
		return told(exitUnavailable)
	}
	return nil
}

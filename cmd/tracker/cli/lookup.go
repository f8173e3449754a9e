package cli

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"trackerfleet/bus"
	"trackerfleet/cmd/tracker/render"
)

func (a *app) lookupCommand() *cobra.Command {
	return &cobra.Command{
		Use:               "lookup ID",
		Short:             "Show where a tracker is and what it knows",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: noFiles,
		RunE: a.verb(func(ctx context.Context, s *session, args []string) error {
			id, err := parseID(args[0])
			if err != nil {
				return err
			}
			_, err = lookupAndShow(ctx, s, id)
			return err
		}),
	}
}

// lookupAndShow looks id up and shows the answer. That there is no tracker is an answer with an exit code of its own.
func lookupAndShow(ctx context.Context, s *session, id bus.ID) (*bus.Tracker, error) {
	reply, err := ask(ctx, s, func(ctx context.Context) (bus.LookupReply, error) { return s.fleet.Lookup(ctx, id) })
	if err != nil && !errors.Is(err, bus.ErrNotFound) {
		return nil, err
	}
	perr := s.printer().Print(reply, func() render.Grid {
		if reply.Tracker == nil {
			return render.Grid{Notes: []string{string(reply.Status) + ": " + render.Cell(id.String())}}
		}
		g := trackerGrid(reply.Tracker)
		if reply.Stale {
			g.Notes = append(g.Notes, "stale: read from the stored record; its partition has no owner at the moment")
		}
		return g
	})
	switch {
	case perr != nil:
		return nil, perr
	case err != nil:
		return nil, told(exitNotFound)
	}
	return reply.Tracker, nil
}

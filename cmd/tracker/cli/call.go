package cli

import (
	"context"
	"slices"

	"github.com/spf13/cobra"

	"trackerfleet/bus"
	"trackerfleet/cmd/tracker/render"
)

var callOps = []string{string(bus.OpState), string(bus.OpRefresh), string(bus.OpPing), string(bus.OpCrash)}

func (a *app) callCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "call ID [state|refresh|ping|crash]",
		Short: "Talk to a running tracker",
		Long: "Talk to a running tracker: state shows it, refresh has it ask its source now and shows what came of it, ping only proves that it lives,\n" +
			"crash makes it panic where the workers allow that.",
		Args: cobra.RangeArgs(1, 2),
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			if len(args) == 1 {
				return slices.Clone(callOps), cobra.ShellCompDirectiveNoFileComp
			}
			return nil, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: a.verb(call),
	}
}

func call(ctx context.Context, s *session, args []string) error {
	id, err := parseID(args[0])
	if err != nil {
		return err
	}
	op := bus.OpState
	if len(args) == 2 {
		op = bus.Op(args[1])
	}
	reply, err := ask(ctx, s, func(ctx context.Context) (bus.CallReply, error) { return s.fleet.Call(ctx, id, op) })
	if err != nil {
		return err
	}
	return s.printer().Print(reply, func() render.Grid { return callGrid(reply) })
}

// callGrid shows the answer in one line and, of a refresh, whether the source has said something, and what is waited for now.
func callGrid(reply bus.CallReply) render.Grid {
	g := answerGrid(string(reply.Status), reply.Tracker)
	if reply.Answered == nil {
		return g
	}
	if *reply.Answered {
		g.Notes = append(g.Notes, "the source has answered")
	} else {
		g.Notes = append(g.Notes, "the source has not answered yet; lookup shows it when it has")
	}
	if t := reply.Tracker; t != nil && t.WaitingFor != "" {
		g.Notes = append(g.Notes, "waiting for "+render.Cell(t.WaitingFor))
	}
	return g
}

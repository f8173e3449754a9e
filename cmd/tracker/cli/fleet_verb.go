package cli

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"trackerfleet/bus"
	"trackerfleet/cmd/tracker/render"
)

func (a *app) fleetCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "fleet",
		Short: "Show the workers, who owns what, and how many trackers there are",
		Args:  cobra.NoArgs,
		RunE: a.verb(func(ctx context.Context, s *session, _ []string) error {
			reply, err := ask(ctx, s, s.fleet.Fleet)
			if err != nil {
				return err
			}
			return s.printer().Print(reply, func() render.Grid { return fleetGrid(reply) })
		}),
	}
}

func fleetGrid(r bus.FleetReply) render.Grid {
	g := render.Grid{Columns: []string{"worker", "version", "state", "trackers", "partitions", "heartbeat"}}
	for _, w := range r.Workers {
		state := "alive"
		switch {
		case !w.Alive:
			state = "silent"
		case w.Draining:
			state = "draining"
		}
		g.Rows = append(g.Rows, []string{
			w.Worker, w.Version, state, strconv.FormatUint(w.Trackers, 10), strconv.Itoa(w.Partitions), stamp(&w.HeartbeatAt),
		})
	}
	g.Notes = []string{
		fmt.Sprintf("fleet %s as %s sees it: %d trackers, start backlog %d", r.Fleet, r.AnsweredBy, r.Counts.Total, r.StartBacklog),
		fmt.Sprintf("partitions without an owner that lives: %d of %d", unserved(r), len(r.Partitions)),
	}
	if len(r.Counts.ByStatus) > 0 {
		g.Notes = append(g.Notes, "by status: "+counted(r.Counts.ByStatus))
	}
	if len(r.Counts.ByPhase) > 0 {
		g.Notes = append(g.Notes, "by phase: "+counted(r.Counts.ByPhase))
	}
	return g
}

// unserved counts the partitions that nobody owns, or that a worker owns who is silent.
func unserved(r bus.FleetReply) int {
	alive := make(map[string]bool, len(r.Workers))
	for _, w := range r.Workers {
		alive[w.Worker] = w.Alive
	}
	n := 0
	for _, p := range r.Partitions {
		if p.State != bus.PartitionOwned || !alive[p.Worker] {
			n++
		}
	}
	return n
}

// counted returns names and counts in the order of the names.
func counted[K ~string](counts map[K]uint64) string {
	parts := make([]string, 0, len(counts))
	for name, n := range counts {
		parts = append(parts, fmt.Sprintf("%s %d", name, n))
	}
	slices.Sort(parts)
	return strings.Join(parts, ", ")
}

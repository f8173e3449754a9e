package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"trackerfleet/bus"
	"trackerfleet/cmd/tracker/config"
	"trackerfleet/cmd/tracker/render"
)

const (
	// drainPatience is how long a drain may take unless --timeout says otherwise.
	drainPatience = time.Minute
	// drainSample is how many trackers of the worker are looked up while it drains: enough to meet most hand-overs, few enough
	// to be no load.
	drainSample = 50
)

func (a *app) drainCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "drain WORKER",
		Short: "Have a worker hand over everything it has",
		Long: "Have a worker hand over all its partitions and return when it has; it takes nothing more until it is started again.\n" +
			"Meanwhile up to 50 of its trackers are looked up again and again, to tell the longest time that one of them went without\n" +
			"an answer from its owner, and without a process. --timeout bounds the drain; without it a minute does.\n" +
			"Exit code 3: no such worker is alive; 4: nobody could take over, or time ran out: what was handed over stays so.",
		Example:           "  tracker drain w-2 && systemctl restart tracker-w-2",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: noFiles,
		RunE: a.verb(func(ctx context.Context, s *session, args []string) error {
			if err := bus.CheckName(args[0]); err != nil {
				return &usageError{err}
			}
			return drain(ctx, s, args[0])
		}),
	}
}

// drainSummary is what came of a drain. A gap of a tracker is the time between two answers that were not stale; the pause
// between two look-ups counts too. While a partition is handed over its owner answers from the records.
type drainSummary struct {
	bus.DrainReply
	Elapsed    bus.Duration `json:"elapsed"`
	Sampled    int          `json:"sampled"` // trackers looked up meanwhile
	Lookups    int          `json:"lookups"`
	LongestGap bus.Duration `json:"longest_gap"`
	GapOf      *bus.ID      `json:"gap_of,omitempty"` // the tracker with the longest gap
	// LongestIdle is the longest time that one had no process, and was answered for from its record at most.
	LongestIdle bus.Duration `json:"longest_idle"`
	Unanswered  int          `json:"unanswered"` // sampled trackers without a process that answers at the end
}

func drain(ctx context.Context, s *session, worker string) error {
	patience := drainPatience
	if s.settings.Origin("timeout").Layer != config.LayerDefault {
		patience = s.timeout
	}
	ctx, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("%w after %v", bus.ErrTimeout, patience))
	defer cancel()
	ids, err := sampleOf(ctx, s, worker)
	if err != nil {
		return fmt.Errorf("drain %s: %w", worker, err)
	}
	watch := watchGaps(ctx, s.fleet.Lookup, ids)
	began := time.Now()
	reply, err := s.fleet.Drain(ctx, worker)
	elapsed := time.Since(began)
	if err != nil {
		watch.abandon()
		return fmt.Errorf("drain %s: %w", worker, err)
	}
	sum := watch.finish(s.timeout)
	sum.DrainReply, sum.Elapsed = reply, bus.Duration(elapsed.Round(time.Millisecond))
	if err := s.printer().Print(sum, func() render.Grid { return drainGrid(sum) }); err != nil {
		return err
	}
	if sum.Unanswered > 0 {
		fmt.Fprintf(s.err, "tracker: %d trackers have no owner that answers yet: see `tracker fleet`\n", sum.Unanswered)
		return told(exitUnavailable)
	}
	return nil
}

// sampleOf returns some trackers of worker. It fails with [bus.ErrNotFound] if the worker is not alive, and with
// [bus.ErrUnavailable] if there is nobody else, before anything is handed over.
func sampleOf(ctx context.Context, s *session, worker string) ([]bus.ID, error) {
	fleet, err := ask(ctx, s, s.fleet.Fleet)
	if err != nil {
		return nil, err
	}
	alive, others := false, 0
	for _, w := range fleet.Workers {
		switch {
		case w.Alive && w.Worker == worker:
			alive = true
		case w.Alive && !w.Draining:
			others++
		}
	}
	if !alive {
		return nil, bus.Errorf(bus.CodeNotFound, "no worker %q is alive", worker)
	}
	if others == 0 {
		return nil, bus.Errorf(bus.CodeUnavailable, "no other worker could take the partitions")
	}
	request := bus.ListRequest{Filter: "worker:" + worker + " -phase:finished", Limit: drainSample}
	page, err := ask(ctx, s, func(ctx context.Context) (bus.ListReply, error) { return s.fleet.List(ctx, request) })
	if err != nil && !errors.Is(err, bus.ErrUnavailable) {
		return nil, err
	}
	ids := make([]bus.ID, len(page.Trackers))
	for i := range page.Trackers {
		ids[i] = page.Trackers[i].TransactionID
	}
	return ids, nil
}

func drainGrid(sum drainSummary) render.Grid {
	g := render.Grid{
		Columns: []string{"worker", "partitions", "elapsed", "sampled", "lookups", "longest gap", "longest idle"},
		Rows: [][]string{{
			sum.Worker, fmt.Sprint(sum.Partitions), time.Duration(sum.Elapsed).String(), fmt.Sprint(sum.Sampled), fmt.Sprint(sum.Lookups),
			time.Duration(sum.LongestGap).String(), time.Duration(sum.LongestIdle).String(),
		}},
	}
	if sum.GapOf == nil {
		g.Rows[0][5], g.Rows[0][6] = "unknown", "unknown"
		g.Notes = []string{"it had no trackers that could be looked up meanwhile"}
		return g
	}
	g.Notes = []string{fmt.Sprintf("no sampled tracker went longer than %v without an answer from its owner (that was %s), nor longer than %v without a process",
		time.Duration(sum.LongestGap), render.Cell(sum.GapOf.String()), time.Duration(sum.LongestIdle))}
	return g
}

package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"trackerfleet/bus"
	"trackerfleet/cmd/tracker/bench/soak"
	"trackerfleet/cmd/tracker/config"
	"trackerfleet/cmd/tracker/crew"
	"trackerfleet/cmd/tracker/render"
	"trackerfleet/workers/simulated"
)

func (a *app) soakCommand() *cobra.Command {
	plan := soak.Plan{}
	cmd := &cobra.Command{
		Use:   "soak",
		Short: "Keep trackers coming and going for a long time, and see whether anything grows",
		Long: "Start trackers on a worker process of its own, and for a long time start as many as end, crash some, and look them up. Every\n" +
			"answer and every event is held against what is known. Memory, goroutines, queues and what the server stores must be flat: the\n" +
			"median of the last third of the time is not above that of the first third, after a warm-up, by more than the tolerance. The\n" +
			"time that a batch takes to be committed, and an event to be read, must be bounded: neither median is above a second. At the\n" +
			"end all trackers are ended, and the server must have forgotten them when the retention is over. NATS is another process, with\n" +
			"its store in a temporary folder, unless --server names one whose fleet is empty. Exit code 0: every promise was kept.",
		Example: "  tracker bench soak --trackers 200000 --for 30m --churn 500",
		Args:    cobra.NoArgs,
	}
	f := cmd.Flags()
	f.IntVar(&plan.Trackers, "trackers", 20_000, fmt.Sprintf("alive at any time, %d to %d", soak.MinTrackers, soak.MaxTrackers))
	f.DurationVar(&plan.For, "for", 10*time.Minute, "how long they come and go")
	f.Float64Var(&plan.Churn, "churn", 100, "trackers a second that are started, and that end: half confirmed, half stopped")
	f.Float64Var(&plan.Crashes, "crashes", 20, "trackers a second that are crashed")
	f.Float64Var(&plan.Lookups, "lookups", 200, "lookups a second, also of what has ended, is forgotten, or never was")
	f.DurationVar(&plan.Retention, "retention", 2*time.Minute, "how long records and events are kept of what has ended")
	f.DurationVar(&plan.BlockTime, "block-time", time.Second, "time between two blocks of the simulated chain")
	f.Float64Var(&plan.Tolerance, "tolerance", 0.1, "by which share what is flat may grow")
	f.DurationVar(&plan.Sample, "sample", 5*time.Second, "how often everything is measured")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		plan.Prefix = "soak_" + strings.TrimPrefix(madeUpName(), "w-")
		if err := plan.Validate(); err != nil {
			return &usageError{err}
		}
		s, err := a.settings(cmd, config.RoleClient)
		if err != nil {
			return err
		}
		if cmd.Flags().Changed("server") || cmd.Flags().Changed("context") {
			return a.soakAt(cmd.Context(), s, soak.Soak{Plan: plan})
		}
		return a.withNATS(cmd.Context(), func(ctx context.Context, n natsProcess) error {
			s.Server = []config.URL{config.URL(n.url)}
			return a.soakAt(ctx, s, soak.Soak{Plan: plan, Server: &soak.Server{Meter: n.Meter, Dir: n.dir}})
		})
	}
	return cmd
}

// soakAt runs o on the NATS server that s names and shows what came of it.
func (a *app) soakAt(ctx context.Context, s *config.Loaded, o soak.Soak) error {
	worker := benchWorkerSettings(s, config.Simulated(simulated.Config{Seed: 1, BlockTime: o.Plan.BlockTime}))
	worker.Retention = config.Retention{Finished: o.Plan.Retention, Events: o.Plan.Retention}
	fmt.Fprintf(a.err, "one worker process, %d trackers alive, %v a second come and go, for %v\n", o.Plan.Trackers, o.Plan.Churn, o.Plan.For)
	return a.withCrew(ctx, company{worker, a.benchEnviron(), []string{benchWorker}, benchArgs}, func(ctx context.Context, workers *crew.Crew) error {
		client, err := connectTo(ctx, s)
		if err != nil {
			return err
		}
		defer client.Close()
		fleet, err := bus.NewClient(client, bus.ClientConfig{Timeout: benchPatience})
		if err != nil {
			return err
		}
		o.Fleet, o.Client, o.Worker = fleet, client, member(workers, benchWorker).Meter
		result, err := a.soakMetered(ctx, o)
		if err != nil {
			return err
		}
		if err := a.printer().Print(result, func() render.Grid { return soakGrid(result) }); err != nil {
			return err
		}
		if !result.Held {
			return errors.New("soak: a promise was not kept")
		}
		return nil
	})
}

// soakMetered runs o with its progress shown.
func (a *app) soakMetered(ctx context.Context, o soak.Soak) (soak.Result, error) {
	var now string
	var m *meter
	o.Report = func(p soak.Progress) {
		if p.Phase != now {
			if m != nil {
				m.done()
			}
			now, m = p.Phase, newMeter(a.err, a.terminal(), track{p.Phase, int64(p.Total)},
				track{"started", 0}, track{"ended", 0}, track{"crashed", 0}, track{"looked up", 0}, track{"stale", 0}, track{"wrong", 0}, track{"failed", 0},
				track{"worker MB", 0}, track{"server MB", 0}, track{"stored", 0})
		}
		for _, fault := range p.Faults {
			m.log(render.Cell(fault))
		}
		c, v := p.Counts, p.Sample
		m.set(int64(p.Done), int64(c.Started), int64(c.Confirmed+c.Stopped), int64(c.Crashed), int64(c.Lookups), int64(c.Stale), int64(c.Wrong), int64(c.Failed),
			int64(v.WorkerRSS)>>20, int64(v.ServerRSS)>>20, int64(v.RecordMessages))
	}
	result, err := o.Run(ctx)
	if m != nil {
		m.done()
	}
	return result, err
}

func soakGrid(r soak.Result) render.Grid {
	mark := func(held bool) string {
		if held {
			return "yes"
		}
		return "NO"
	}
	g := render.Grid{Columns: []string{"figure or promise", "kept", "first third", "last third", "limit", "highest", "must be"}}
	for _, f := range r.Figures {
		number := func(v float64) string { return strings.TrimSpace(fmt.Sprintf("%.0f %s", v, f.Unit)) }
		g.Rows = append(g.Rows, []string{f.Name, mark(f.Held), number(f.First), number(f.Last), number(f.Limit), number(f.Highest), string(f.Rule)})
	}
	for _, p := range r.Promises {
		g.Rows = append(g.Rows, []string{p.Name, mark(p.Held), p.Detail, "", "", "", ""})
	}
	for _, fault := range r.Faults {
		g.Notes = append(g.Notes, render.Cell(fault))
	}
	verdict := "every promise was kept"
	if !r.Held {
		verdict = "a promise was NOT kept"
	}
	g.Notes = append(g.Notes, fmt.Sprintf("%d trackers, %v a second came and went for %v: %s", r.Trackers, r.Churn,
		time.Duration(r.Seconds*float64(time.Second)), verdict))
	return g
}

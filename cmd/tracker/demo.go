package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"trackerfleet/bus"
	"trackerfleet/cmd/tracker/config"
	"trackerfleet/cmd/tracker/demo"
	"trackerfleet/cmd/tracker/process"
	"trackerfleet/cmd/tracker/render"
	"trackerfleet/workers/simulated"
)

const (
	demoBlockTime = 200 * time.Millisecond
	// demoReorgShare is high, because some transactions wait for a block that is taken back.
	demoReorgShare = 0.25
	demoTime       = 35 * time.Second // with the audit and the stop it ends within a minute
	demoStop       = 5 * time.Second
	demoSource     = "sim"
)

func (a *app) demoCommand() *cobra.Command {
	trackers, workers, seed := 0, 0, uint64(0)
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Watch a fleet do its main job, and check that it kept its promises",
		Long: "Start NATS, workers and a simulated chain in this process; start trackers, some of them twice; crash some on purpose;\n" +
			"wait for the end of every transaction; and check the events against what the chain knows to be true. It takes less\n" +
			"than a minute, needs no network, and leaves nothing. Exit code 0: every promise was kept.",
		Args: cobra.NoArgs,
	}
	f := cmd.Flags()
	f.IntVar(&trackers, "trackers", 1000, fmt.Sprintf("%d to %d", demo.MinTrackers, demo.MaxTrackers))
	f.IntVar(&workers, "workers", 3, "1 to 9")
	f.Uint64Var(&seed, "seed", 1, "decides what happens; the same seed gives the same transactions")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		plan, err := demo.NewPlan(trackers, seed)
		if err != nil {
			return &usageError{err}
		}
		if workers < 1 || workers > 9 {
			return &usageError{fmt.Errorf("--workers %d: must be 1 to 9", workers)}
		}
		s, err := a.settings(cmd, config.RoleDev)
		if err != nil {
			return err
		}
		chain := simulated.Lively(seed)
		chain.BlockTime, chain.ReorgShare = demoBlockTime, demoReorgShare
		s.Sources = config.Sources{demoSource: {Kind: config.KindSimulated, Simulated: &chain}}
		s.DefaultSource, s.Data, s.HTTP, s.AllowCrash = demoSource, "", "", true
		s.StopTimeout = demoStop
		s.Log.Level = "error" // trackers crash on purpose
		return a.rehearse(cmd.Context(), s, numberedNames(workers), plan, chain)
	}
	return cmd
}

// rehearse runs the plan on a fleet of its own and shows what came of it.
func (a *app) rehearse(ctx context.Context, s *config.Loaded, names []string, plan demo.Plan, chain simulated.Config) error {
	cfg, err := a.processConfig(s, true, names...)
	if err != nil {
		return err
	}
	cfg.InProcessOnly = true
	fmt.Fprintf(a.err, "starting NATS, %d workers and a simulated chain with a block every %v …\n", len(names), chain.BlockTime)
	return host(ctx, cfg, func(ctx context.Context, p *process.Process) error {
		nc, err := p.Connect(ctx, "demo")
		if err != nil {
			return err
		}
		defer nc.Close()
		client, err := bus.NewClient(nc, bus.ClientConfig{})
		if err != nil {
			return err
		}
		fmt.Fprintf(a.err, "starting %d trackers (%d starts are sent twice); %d of them will be crashed on purpose\n",
			len(plan.IDs), plan.Duplicates(), len(plan.Victims))
		result, err := a.runMetered(ctx, demo.Rehearsal{Fleet: client, Chain: chain, Plan: plan})
		if err != nil {
			return err
		}
		if err := a.printer().Print(result, func() render.Grid { return demoGrid(result) }); err != nil {
			return err
		}
		if !result.Held {
			return errors.New("demo: a promise was not kept")
		}
		return nil
	})
}

// runMetered runs the rehearsal with its progress shown.
func (a *app) runMetered(ctx context.Context, r demo.Rehearsal) (demo.Result, error) {
	n := int64(len(r.Plan.IDs))
	m := newMeter(a.err, a.terminal(), track{"started", n}, track{"finished", n}, track{"crashed", int64(len(r.Plan.Victims))})
	defer m.done()
	r.Report = func(p demo.Progress) { m.set(int64(p.Started), int64(p.Finished), int64(p.Crashed)) }
	ctx, cancel := context.WithTimeout(ctx, demoTime)
	defer cancel()
	return r.Run(ctx)
}

func demoGrid(r demo.Result) render.Grid {
	g := render.Grid{Columns: []string{"check", "kept", "detail"}}
	for _, c := range r.Checks {
		kept := "yes"
		if !c.Held {
			kept = "NO"
		}
		g.Rows = append(g.Rows, []string{c.Name, kept, c.Detail})
	}
	for _, c := range r.Checks {
		for _, e := range c.Timeline {
			g.Notes = append(g.Notes, eventLine(e))
		}
	}
	ends := make(map[bus.Status]uint64, len(r.Ends))
	for s, n := range r.Ends {
		ends[s] = uint64(n)
	}
	g.Notes = append(g.Notes,
		"", fmt.Sprintf("%d transactions in %v: %s", r.Trackers, time.Duration(r.Elapsed), counted(ends)),
		fmt.Sprintf("%d events, %d superfluous starts, %d crashes on purpose", r.Events, r.Duplicates, r.Crashed),
		fmt.Sprintf("of the crashed, %d had just decided their end, %d came back on another worker", r.Spared, r.Moved),
	)
	if r.Held {
		g.Notes = append(g.Notes, "every promise was kept")
	}
	return g
}

package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"trackerfleet/bus"
	"trackerfleet/cmd/tracker/config"
	"trackerfleet/cmd/tracker/crew"
	"trackerfleet/cmd/tracker/demo"
	"trackerfleet/cmd/tracker/process"
	"trackerfleet/cmd/tracker/render"
	"trackerfleet/workers/simulated"
)

const (
	demoBlockTime = 500 * time.Millisecond
	// demoReorgShare is high, because some transactions wait for a block that is taken back.
	demoReorgShare = 0.25
	demoTime       = 40 * time.Second // with the audit and the stop it ends within a minute
	demoStop       = 5 * time.Second
	demoWorkers    = 9 // at most
	// demoLease is short, because the killed worker's trackers have to be taken over while most of them still run.
	demoLease = 2 * time.Second
	// demoPatience is how long one request may go unanswered: longer than a takeover on a busy machine.
	demoPatience = 15 * time.Second
)

func (a *app) demoCommand() *cobra.Command {
	trackers, workers, seed := 0, 0, uint64(0)
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Watch a fleet do its main job while a worker is killed, and check that it kept its promises",
		Long: "Start NATS, a simulated chain and worker processes; start trackers, some of them twice; crash some on purpose; kill the\n" +
			"worker that has most of them with SIGKILL and watch the others take over; wait for the end of every transaction; and\n" +
			"check the events against what the chain knows to be true. It takes less than a minute, listens on loopback only, and\n" +
			"leaves nothing. Exit code 0: the worker was killed while it had trackers, and every promise was kept.",
		Args: cobra.NoArgs,
	}
	f := cmd.Flags()
	f.IntVar(&trackers, "trackers", 1000, fmt.Sprintf("%d to %d", demo.MinTrackers, demo.MaxTrackers))
	f.IntVar(&workers, "workers", 3, fmt.Sprintf("processes, 2 to %d; one of them is killed", demoWorkers))
	f.Uint64Var(&seed, "seed", 1, "decides what happens; the same seed gives the same transactions")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		plan, err := demo.NewPlan(trackers, seed)
		if err != nil {
			return &usageError{err}
		}
		if workers < 2 || workers > demoWorkers {
			return &usageError{fmt.Errorf("--workers %d: must be 2 to %d", workers, demoWorkers)}
		}
		s, err := a.settings(cmd, config.RoleDev)
		if err != nil {
			return err
		}
		s.Data, s.HTTP, s.Port, s.StopTimeout, s.Log.Level = "", "", 0, demoStop, "error"
		chain := simulated.Lively(seed)
		chain.BlockTime, chain.ReorgShare = demoBlockTime, demoReorgShare
		return a.rehearse(cmd.Context(), s, numberedNames(workers), demo.Rehearsal{Chain: chain, Plan: plan, Workers: workers})
	}
	return cmd
}

// rehearse runs r on a fleet of its own and shows what came of it.
func (a *app) rehearse(ctx context.Context, s *config.Loaded, names []string, r demo.Rehearsal) error {
	cfg, err := a.processConfig(s, true)
	if err != nil {
		return err
	}
	fmt.Fprintf(a.err, "starting NATS, %d worker processes and a simulated chain with a block every %v …\n", len(names), r.Chain.BlockTime)
	return host(ctx, cfg, func(ctx context.Context, p *process.Process) error {
		return a.withCrew(ctx, company{demoSettings(p.NATS(), r.Chain), ownEnviron(a.environ), names, workerArgs}, func(ctx context.Context, workers *crew.Crew) error {
			nc, err := p.Connect(ctx, "demo")
			if err != nil {
				return err
			}
			defer nc.Close()
			client, err := bus.NewClient(nc, bus.ClientConfig{Timeout: demoPatience})
			if err != nil {
				return err
			}
			fmt.Fprintf(a.err, "starting %d trackers (%d starts are sent twice); %d of them will be crashed on purpose, and a worker killed\n",
				len(r.Plan.IDs), r.Plan.Duplicates(), len(r.Plan.Victims))
			r.Fleet, r.Kill = client, workers.Kill
			return a.runAndShow(ctx, r)
		})
	})
}

// demoSettings returns the settings of the workers of a demo.
func demoSettings(server string, chain simulated.Config) *config.Loaded {
	s := crewSettings(server, config.Simulated(chain))
	s.HTTP, s.Lease = "", demoLease
	return s
}

func (a *app) runAndShow(ctx context.Context, r demo.Rehearsal) error {
	result, err := a.runMetered(ctx, r)
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
}

// runMetered runs the rehearsal with its progress shown.
func (a *app) runMetered(ctx context.Context, r demo.Rehearsal) (demo.Result, error) {
	n := int64(len(r.Plan.IDs))
	m := newMeter(a.err, a.terminal(),
		track{"started", n}, track{"finished", n}, track{"crashed", int64(len(r.Plan.Victims))}, track{"taken over", 0})
	defer m.done()
	var last demo.Progress
	r.Report = func(p demo.Progress) {
		if last.Killed == "" && p.Killed != "" {
			m.log(fmt.Sprintf("SIGKILL to %s, on which %d trackers ran", p.Killed, p.Orphans))
		}
		if p.Orphans > 0 && p.Taken == p.Orphans && last.Taken < p.Taken {
			m.log(fmt.Sprintf("each of the %d trackers of %s has an owner that answers again", p.Taken, p.Killed))
		}
		m.set(int64(p.Started), int64(p.Finished), int64(p.Crashed), int64(p.Taken))
		last = p
	}
	ctx, cancel := context.WithTimeout(ctx, demoTime)
	defer cancel()
	return r.Run(ctx)
}

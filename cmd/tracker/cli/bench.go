package cli

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"trackerfleet/bus"
	"trackerfleet/cmd/tracker/bench"
	"trackerfleet/cmd/tracker/config"
	"trackerfleet/cmd/tracker/crew"
	"trackerfleet/cmd/tracker/render"
)

const (
	benchWorker, benchEcho = "bench", "echo" // processes
	// benchBackoff makes restarts wait for nothing but their turn.
	benchBackoff = time.Millisecond
	// benchPatience is how long one request may go unanswered.
	benchPatience = 30 * time.Second
)

func (a *app) benchCommand() *cobra.Command {
	plan := bench.Plan{}
	cmd := &cobra.Command{
		Use:   "bench",
		Short: "Measure starts, memory, lookups, restarts, recovery and ends of a worker beside what the machine can do",
		Long: "Start trackers on a worker process of its own, leave them idle, look them up, crash some, kill the worker and then the NATS\n" +
			"server with SIGKILL and see how long it takes until all is well again, and end them all; and measure in the same run what\n" +
			"this machine does without any tracker: bare requests, bare atomic batches, bare goroutines. NATS is another process, with\n" +
			"its store in a temporary folder, unless --server names one whose fleet is empty; that is not killed, and the records stay.\n" +
			"Nobody has seen the transactions, and nobody will: on a simulated chain that stands still, or, with --reference ethereum, on a\n" +
			"stand-in for an Ethereum node, which is this process: it has a new, empty block now and then, and is asked for transactions\n" +
			"as a real one.",
		Args: cobra.NoArgs,
	}
	f := cmd.Flags()
	f.IntVar(&plan.Trackers, "trackers", 100_000, fmt.Sprintf("%d to %d", bench.MinTrackers, bench.MaxTrackers))
	f.DurationVar(&plan.Hold, "hold", 10*time.Second, "how long they are left idle")
	f.DurationVar(&plan.Lookups, "lookups", 8*time.Second, "how long they are looked up")
	reference := referenceSimulated
	f.StringVar(&reference, "reference", reference, "what each of them refers to: "+strings.Join(referenceNames(), " or "))
	f.Float64Var(&plan.CrashShare, "crash-share", 0.01, "share of them that is crashed")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		plan.Prefix = "bench_" + strings.TrimPrefix(madeUpName(), "w-")
		if err := plan.Validate(); err != nil {
			return &usageError{err}
		}
		if references[reference] == "" {
			return &usageError{fmt.Errorf("--reference %q: want %s", reference, strings.Join(referenceNames(), " or "))}
		}
		s, err := a.settings(cmd, config.RoleClient)
		if err != nil {
			return err
		}
		if cmd.Flags().Changed("server") || cmd.Flags().Changed("context") {
			return a.benchAt(cmd.Context(), s, reference, bench.Bench{Plan: plan})
		}
		return a.withNATS(cmd.Context(), func(ctx context.Context, n natsProcess) error {
			s.Server = []config.URL{config.URL(n.url)}
			return a.benchAt(ctx, s, reference, bench.Bench{Plan: plan, Server: &n.Process})
		})
	}
	cmd.AddCommand(a.benchEchoCommand(), a.benchServerCommand(), a.soakCommand())
	return cmd
}

// benchAt runs b, with what its trackers refer to, on the NATS server that s names.
func (a *app) benchAt(ctx context.Context, s *config.Loaded, reference string, b bench.Bench) error {
	return withReference(reference, func(chain config.Source, r bench.Reference) error {
		b.Reference = r
		return a.benchOn(ctx, s, chain, b)
	})
}

// benchOn runs b with a worker that follows a chain.
func (a *app) benchOn(ctx context.Context, s *config.Loaded, chain config.Source, b bench.Bench) error {
	worker := benchWorkerSettings(s, chain)
	worker.Supervision.Backoff = config.Backoff{Base: benchBackoff, Cap: benchBackoff}
	fmt.Fprintf(a.err, "one worker process, %d trackers, each of %s\n", b.Plan.Trackers, references[b.Reference.Name])
	again := &sameAddresses{}
	c := company{worker, a.benchEnviron(), []string{benchWorker, benchEcho}, again.args}
	return a.withCrew(ctx, c, func(ctx context.Context, workers *crew.Crew) error {
		if err := again.as(benchWorker, workers.Said(benchWorker)); err != nil {
			return err
		}
		client, err := connectTo(ctx, s)
		if err != nil {
			return err
		}
		defer client.Close()
		fleet, err := bus.NewClient(client, bus.ClientConfig{Timeout: benchPatience})
		if err != nil {
			return err
		}
		b.Fleet, b.Client, b.Worker = fleet, client, member(workers, benchWorker)
		result, err := a.benchMetered(ctx, b)
		if err != nil {
			return err
		}
		return a.printer().Print(result, func() render.Grid { return benchGrid(result) })
	})
}

// benchWorkerSettings returns the settings of a worker on a chain, at the NATS server that s names.
func benchWorkerSettings(s *config.Loaded, chain config.Source) *config.Loaded {
	worker := crewSettings(string(s.Server[0]), chain)
	worker.Server, worker.Context, worker.Creds, worker.User, worker.Nkey = s.Server, s.Context, s.Creds, s.User, s.Nkey
	worker.InboxPrefix, worker.TLS = s.InboxPrefix, s.TLS
	return worker
}

// benchEnviron returns the environment of such a worker.
func (a *app) benchEnviron() []string {
	return append(ownEnviron(a.environ), withPrefix(a.environ, "TRACKER_PASSWORD")...)
}

// benchEchoCommand answers bare requests. The bench itself starts it.
func (a *app) benchEchoCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "echo", Short: "Answer the bare requests of a bench", Args: cobra.NoArgs, Hidden: true}
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		s, err := a.settings(cmd, config.RoleWorker)
		if err != nil {
			return err
		}
		nc, err := connectTo(cmd.Context(), s)
		if err != nil {
			return err
		}
		defer nc.Close()
		return bench.Echo(cmd.Context(), nc, func() { fmt.Fprintln(a.out, "ready echo") })
	}
	return cmd
}

// benchMetered runs b with its progress shown: a meter for each phase.
func (a *app) benchMetered(ctx context.Context, b bench.Bench) (bench.Result, error) {
	var mu sync.Mutex
	var now string
	var m *meter
	b.Report = func(p bench.Progress) {
		mu.Lock()
		defer mu.Unlock()
		if p.Phase != now {
			if m != nil {
				m.done()
			}
			now, m = p.Phase, newMeter(a.err, a.terminal(), track{p.Phase, int64(p.Total)})
		}
		m.set(int64(p.Done))
	}
	result, err := b.Run(ctx)
	if m != nil {
		m.done()
	}
	return result, err
}

package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"trackerfleet/bus"
	"trackerfleet/cmd/tracker/config"
	"trackerfleet/cmd/tracker/render"
)

// startFlags is what the flags of start say.
type startFlags struct {
	source, restart, onExisting, params, meta string
	timeout                                   time.Duration
	labels                                    map[string]string
	wait                                      bool

	file, failures string
	rate           float64
}

func (a *app) startCommand() *cobra.Command {
	var flags startFlags
	cmd := &cobra.Command{
		Use:   "start ID | start -f FILE",
		Short: "Start a tracker, or one for every line of a file",
		Long: "Start a tracker and return once it is stored durably and running. When no worker is ready the start is left in the\n" +
			"stream and tracked as soon as one is. Starting twice is starting once, so a file that was interrupted is simply\n" +
			"started again.\n\n" +
			"A file holds JSON lines as the wire has them, or CSV: IDs, or columns named in the first line (transaction_id, source,\n" +
			"restart, timeout, on_existing, params, params.<name>, label.<key>, meta). Flags fill in what a line leaves out.",
		Example: "  tracker start txn_1 --source mainnet --params '{\"hash\":\"0x…\"}' --timeout 24h --wait\n" +
			"  tracker start -f ids.csv --rate 500 --failures failed.jsonl",
		ValidArgsFunction: noFiles,
	}
	f := cmd.Flags()
	f.StringVar(&flags.source, "source", "", "source profile of the workers; left out: their default")
	f.StringVar(&flags.params, "params", "", "JSON object that belongs to the source")
	f.StringVar(&flags.restart, "restart", "", "transient, permanent or temporary (default transient)")
	f.DurationVar(&flags.timeout, "timeout", 0, "from now until the transaction is expired; 0: never")
	f.StringToStringVar(&flags.labels, "label", nil, "key=value; may be repeated")
	f.StringVar(&flags.meta, "meta", "", "JSON that is echoed in every event")
	f.StringVar(&flags.onExisting, "on-existing", "", "return, reject or restart (default return)")
	f.BoolVar(&flags.wait, "wait", false, "wait until the transaction has come to its end; exit codes as those of wait")
	f.StringVarP(&flags.file, "file", "f", "", "CSV or JSON lines; - is standard input")
	f.Float64Var(&flags.rate, "rate", 0, "starts a second from a file; 0: as fast as they are taken")
	f.StringVar(&flags.failures, "failures", "", "file for the starts that failed, as JSON lines that -f reads again")
	bindAs(f, config.RoleClient, "timeout", "request-timeout", "")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := flags.check(args); err != nil {
			return &usageError{err}
		}
		if flags.file != "" {
			return a.verb(func(ctx context.Context, s *session, _ []string) error { return startFile(ctx, s, flags) })(cmd, args)
		}
		return a.verb(func(ctx context.Context, s *session, args []string) error {
			return startOne(ctx, s, flags, args[0])
		})(cmd, args)
	}
	return cmd
}

// check returns everything that is wrong with the command line.
func (f *startFlags) check(args []string) error {
	var faults []error
	want := func(ok bool, format string, args ...any) {
		if !ok {
			faults = append(faults, fmt.Errorf(format, args...))
		}
	}
	want((len(args) == 1) != (f.file != ""), "start takes one ID, or a file with -f")
	want(f.params == "" || json.Valid([]byte(f.params)), "--params: is not JSON")
	want(f.meta == "" || json.Valid([]byte(f.meta)), "--meta: is not JSON")
	want(f.timeout >= 0, "--timeout: is below 0")
	want(f.rate >= 0, "--rate: is below 0")
	want(f.file != "" || (f.rate == 0 && f.failures == ""), "--rate and --failures belong to -f")
	want(f.file == "" || f.params == "", "--params belongs to one transaction; a file has it in its lines")
	want(f.file == "" || !f.wait, "--wait belongs to one transaction; follow a file's with `tracker events -f`")
	return errors.Join(faults...)
}

// fill puts what the flags say into what r leaves out.
func (f *startFlags) fill(r *bus.StartRequest) {
	fillText(&r.Source, f.source)
	fillText(&r.Restart, f.restart)
	fillText((*string)(&r.OnExisting), f.onExisting)
	if r.Timeout == 0 {
		r.Timeout = bus.Duration(f.timeout)
	}
	if len(r.Params) == 0 && f.params != "" {
		r.Params = json.RawMessage(f.params)
	}
	if len(r.Meta) == 0 && f.meta != "" {
		r.Meta = json.RawMessage(f.meta)
	}
	for k, v := range f.labels {
		if _, ok := r.Labels[k]; ok {
			continue
		}
		if r.Labels == nil {
			r.Labels = map[string]string{}
		}
		r.Labels[k] = v
	}
}

func fillText(to *string, from string) {
	if *to == "" {
		*to = from
	}
}

func startOne(ctx context.Context, s *session, flags startFlags, arg string) error {
	id, err := parseID(arg)
	if err != nil {
		return err
	}
	r := bus.StartRequest{TransactionID: id}
	flags.fill(&r)
	reply, err := ask(ctx, s, func(ctx context.Context) (bus.SpawnReply, error) { return s.fleet.Spawn(ctx, r) })
	if errors.Is(err, bus.ErrUnavailable) && ctx.Err() == nil && r.OnExisting != bus.ExistingReject {
		return leaveInStream(ctx, s, flags, r, err)
	}
	if err != nil {
		return err
	}
	if flags.wait {
		return waitAndShow(ctx, s, reply.Tracker, untilEnd)
	}
	return s.printer().Print(reply, func() render.Grid { return answerGrid(string(reply.Status), reply.Tracker) })
}

// accepted answers a start that the stream keeps until a worker is ready.
type accepted struct {
	Status string `json:"status"` // accepted
	bus.StartAck
}

// leaveInStream stores a start for which no worker was ready, because of cause: ErrUnavailable says that nothing was done.
func leaveInStream(ctx context.Context, s *session, flags startFlags, r bus.StartRequest, cause error) error {
	ack, err := ask(ctx, s, func(ctx context.Context) (bus.StartAck, error) { return s.fleet.Start(ctx, r) })
	if err != nil {
		return fmt.Errorf("%w; nor can it be left in the stream: %w", cause, err)
	}
	fmt.Fprintln(s.err, "tracker: accepted, but no worker is ready: it is tracked as soon as one is (start one with `tracker worker`)")
	if flags.wait {
		first, err := firstEvent(ctx, s, r.TransactionID)
		if err != nil {
			return err
		}
		return waitAndShow(ctx, s, first, untilEnd)
	}
	return s.printer().Print(accepted{"accepted", ack}, func() render.Grid {
		return render.Grid{Notes: []string{"accepted: " + render.Cell(r.TransactionID.String())}}
	})
}

// firstEvent waits until the transaction is tracked.
func firstEvent(ctx context.Context, s *session, id bus.ID) (*bus.Tracker, error) {
	for e, err := range s.fleet.Events(ctx, bus.EventsRequest{TransactionID: id}) {
		if err != nil {
			return nil, waitError(ctx, id, err)
		}
		return &bus.Tracker{TransactionID: id, Run: e.Run}, nil
	}
	return nil, waitError(ctx, id, bus.ErrUnavailable)
}

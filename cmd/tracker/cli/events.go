package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"trackerfleet/bus"
	"trackerfleet/cmd/tracker/render"
)

func (a *app) eventsCommand() *cobra.Command {
	var from uint64
	var follow bool
	cmd := &cobra.Command{
		Use:   "events [FILTER]",
		Short: "Show events in stream order",
		Long: "Show the events of one transaction (ID or id:ID), of types (type:confirmed,failed), of workers (worker:w-1), or all.\n" +
			"Each has the sequence of the stream: --from the next one goes on where an earlier run ended.",
		Example:           "  tracker events txn_1\n  tracker events -f type:confirmed,failed -o jsonl",
		ValidArgsFunction: noFiles,
	}
	cmd.Flags().BoolVarP(&follow, "follow", "f", false, "wait for more until interrupted")
	cmd.Flags().Uint64Var(&from, "from", 0, "first sequence of the stream; 0: all that is kept")
	cmd.RunE = a.verb(func(ctx context.Context, s *session, args []string) error {
		filter, err := parseEventFilter(args)
		if err != nil {
			return err
		}
		request := filter.request()
		request.From, request.Stored = from, !follow
		err = showEvents(ctx, s, filter, request)
		if follow && errors.Is(context.Cause(ctx), errInterrupted) {
			return nil
		}
		return err
	})
	return cmd
}

// showEvents shows the events that filter chooses of what request reads. Unless it follows, the stream may be silent for one
// timeout at most.
func showEvents(ctx context.Context, s *session, filter eventFilter, request bus.EventsRequest) (err error) {
	out := render.NewStream(s.printer())
	defer func() { err = errors.Join(err, out.Close()) }()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	heard := func() {}
	if request.Stored {
		silence := time.AfterFunc(s.timeout, func() { cancel(fmt.Errorf("read the stream of events: %w after %v", bus.ErrTimeout, s.timeout)) })
		defer silence.Stop()
		heard = func() { silence.Reset(s.timeout) }
	}
	for e, err := range s.fleet.Events(ctx, request) {
		heard()
		switch {
		case e == nil:
			if cause := context.Cause(ctx); cause != nil {
				err = cause
			}
			return err
		case err != nil:
			fmt.Fprintf(s.err, "tracker: event at sequence %d cannot be read: %s\n", e.Sequence, clean(err.Error()))
			continue
		case !filter.match(e):
			continue
		}
		if err := out.Add(e, func() string { return eventLine(e) }); err != nil {
			return err
		}
	}
	return nil
}

// eventLine shows an event in one line. Its data come last, as they are.
func eventLine(e *bus.Event) string {
	return fmt.Sprintf("%d  %s  %-9s  %s  n=%d run=%d <%d.%d> %s  %s", e.Sequence, stamp(&e.At), e.Type,
		render.Cell(e.TransactionID.String()), e.N, e.Run, e.Epoch, e.Incarnation, render.Cell(e.Worker), render.Cell(string(e.Data)))
}

// eventFilter chooses events; an empty list allows all.
type eventFilter struct {
	ids     []bus.ID
	types   []string
	workers []string
}

// parseEventFilter reads the conditions of events; a word without a condition is a transaction ID.
func parseEventFilter(words []string) (eventFilter, error) {
	var f eventFilter
	for _, word := range words {
		key, value, ok := strings.Cut(word, ":")
		switch {
		case ok && key == "type":
			f.types = append(f.types, strings.Split(value, ",")...)
		case ok && key == "worker":
			f.workers = append(f.workers, strings.Split(value, ",")...)
		case ok && key == "id":
			word = value
			fallthrough
		default:
			id, err := parseID(word)
			if err != nil {
				return f, err
			}
			f.ids = append(f.ids, id)
		}
	}
	for _, name := range f.types {
		if !slices.Contains(eventTypes, name) {
			return f, &usageError{fmt.Errorf("type:%s is none of %s", name, strings.Join(eventTypes, ", "))}
		}
	}
	return f, nil
}

// request returns what the server can choose already.
func (f eventFilter) request() bus.EventsRequest {
	var r bus.EventsRequest
	if len(f.ids) == 1 {
		r.TransactionID = f.ids[0]
	}
	if len(f.types) == 1 {
		r.Type = f.types[0]
	}
	return r
}

func (f eventFilter) match(e *bus.Event) bool {
	return (len(f.ids) == 0 || slices.Contains(f.ids, e.TransactionID)) &&
		(len(f.types) == 0 || slices.Contains(f.types, e.Type)) &&
		(len(f.workers) == 0 || slices.Contains(f.workers, e.Worker))
}

// eventTypes are the types of events of the contract.
var eventTypes = []string{
	bus.EventStarted, bus.EventRestarted, bus.EventParked, bus.EventResumed, bus.EventPending, bus.EventIncluded,
	bus.EventProgress, bus.EventReorged, bus.EventMissing, bus.EventReplacing, string(bus.StatusConfirmed),
	string(bus.StatusFailed), string(bus.StatusReplaced), string(bus.StatusDropped), string(bus.StatusExpired), string(bus.StatusStopped),
}

package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"trackerfleet/bus"
	"trackerfleet/cmd/tracker/config"
)

// untilEnd is what wait waits for unless told otherwise.
const untilEnd = "end"

func (a *app) waitCommand() *cobra.Command {
	want := untilEnd
	targets := append([]string{untilEnd, string(bus.StatusConfirming)}, eventTypes...)
	cmd := &cobra.Command{
		Use:   "wait ID",
		Short: "Wait until a transaction has come to its end, or to an event",
		Long: "Wait until a transaction has come to its end, or to what --for names. --timeout bounds the wait; without it there is\n" +
			"no bound. Exit code 0: it came to that (by default: confirmed); 10 failed, 11 replaced, 12 dropped, 13 expired,\n" +
			"14 stopped: it ended otherwise; 3: no such tracker; 4: time ran out.",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: noFiles,
	}
	cmd.Flags().StringVar(&want, "for", want, strings.Join(targets, ", "))
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if !slices.Contains(targets, want) {
			return &usageError{fmt.Errorf("--for %s: must be one of %s", want, strings.Join(targets, ", "))}
		}
		id, err := parseID(args[0])
		if err != nil {
			return err
		}
		serve := func(ctx context.Context, s *session, _ []string) error {
			return waitVerb(ctx, s, id, want)
		}
		return a.verb(serve)(cmd, args)
	}
	return cmd
}

func waitVerb(ctx context.Context, s *session, id bus.ID, want string) error {
	ctx, cancel := s.patience(ctx)
	defer cancel()
	reply, err := ask(ctx, s, func(ctx context.Context) (bus.LookupReply, error) { return s.fleet.Lookup(ctx, id) })
	if errors.Is(err, bus.ErrNotFound) {
		_, err = lookupAndShow(ctx, s, id)
	}
	if err != nil {
		return err
	}
	return waitAndShow(ctx, s, reply.Tracker, want)
}

// waitAndShow waits for t to come to want and shows what is known of it then.
func waitAndShow(ctx context.Context, s *session, t *bus.Tracker, want string) error {
	code, err := await(ctx, s, t, want)
	if err != nil {
		return err
	}
	if _, err := lookupAndShow(ctx, s, t.TransactionID); err != nil {
		return err
	}
	if code != exitOK {
		return told(code)
	}
	return nil
}

// patience returns a context that ends after the timeout, if one was set for this run.
func (s *session) patience(ctx context.Context) (context.Context, context.CancelFunc) {
	if s.settings.Origin("timeout").Layer == config.LayerDefault {
		return context.WithCancel(ctx)
	}
	cause := fmt.Errorf("%w after %v", bus.ErrTimeout, s.timeout)
	return context.WithTimeoutCause(ctx, s.timeout, cause)
}

// await returns the exit code once t has come to want or to its end. Events of earlier runs don't count.
func await(ctx context.Context, s *session, t *bus.Tracker, want string) (int, error) {
	if t.Status.Terminal() {
		return codeFor(t.Status, want), nil
	}
	if string(t.Status) == want || string(t.Phase) == want {
		return exitOK, nil
	}
	for e, err := range s.fleet.Events(ctx, bus.EventsRequest{TransactionID: t.TransactionID}) {
		if err != nil {
			return exitError, waitError(ctx, t.TransactionID, err)
		}
		included := e.Type == bus.EventIncluded || e.Type == bus.EventProgress
		switch {
		case e.Run < t.Run:
		case e.Type == want, included && want == string(bus.StatusConfirming):
			return exitOK, nil
		case e.Terminal():
			return codeFor(bus.Status(e.Type), want), nil
		}
	}
	return exitError, waitError(ctx, t.TransactionID, bus.ErrUnavailable)
}

// waitError is err of a wait for id, unless ctx says better why it ended.
func waitError(ctx context.Context, id bus.ID, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	return fmt.Errorf("wait for %s: %w", id, err)
}

// codeFor returns the exit code of a wait for want that saw the end s.
func codeFor(s bus.Status, want string) int {
	switch {
	case want == untilEnd, string(s) != want && s != bus.StatusConfirmed:
		return exitOf(s)
	case string(s) == want:
		return exitOK
	}
	return exitError // it was confirmed without ever coming to want
}

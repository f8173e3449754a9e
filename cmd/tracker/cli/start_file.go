package cli

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/time/rate"

	"trackerfleet/bus"
	"trackerfleet/cmd/tracker/render"
)

// startBatch is how many starts of a file are asked for at a time. It bounds what an interruption leaves in doubt.
const startBatch = 500

// startSummary is what became of a file of starts.
type startSummary struct {
	Created  int    `json:"created"`
	Existing int    `json:"existing"`
	Finished int    `json:"finished"`
	Failed   int    `json:"failed"`
	Failures string `json:"failures,omitempty"` // file they were written to
}

func (s startSummary) total() int { return s.Created + s.Existing + s.Finished + s.Failed }

// failure is one line of the file of failures.
type failure struct {
	Line  int             `json:"line"`
	Start json.RawMessage `json:"start"`
	Error *bus.Error      `json:"error"`
}

// starter starts the rows of a file batch by batch.
type starter struct {
	*session
	flags    startFlags
	limit    *rate.Limiter
	meter    *meter
	failures io.Writer
	batch    []row
	sum      startSummary
	shown    int // failures told on standard error
}

// startFile starts what a file holds. Its exit code is 1 when a start failed.
func startFile(ctx context.Context, s *session, flags startFlags) (err error) {
	in, closeIn, err := s.open(flags.file)
	if err != nil {
		return err
	}
	defer closeIn()
	st := &starter{session: s, flags: flags, limit: rate.NewLimiter(rate.Inf, startBatch), failures: io.Discard}
	if flags.rate > 0 {
		st.limit = rate.NewLimiter(rate.Limit(flags.rate), max(1, min(startBatch, int(flags.rate))))
	}
	if flags.failures != "" {
		f, err := os.Create(flags.failures)
		if err != nil {
			return fmt.Errorf("failures: %w", err)
		}
		buffered := bufio.NewWriter(f)
		st.failures, st.sum.Failures = buffered, flags.failures
		defer func() { err = errors.Join(err, buffered.Flush(), f.Close()) }()
	}
	st.meter = newMeter(s.err, s.terminal(), track{title: "starts"}, track{title: "failed"})
	err = readStarts(in, func(r row) error { return st.add(ctx, r) })
	if err == nil {
		err = st.flush(ctx)
	}
	st.meter.done()
	if err != nil {
		return fmt.Errorf("stopped after %d starts, which can be started again: %w", st.sum.total(), err)
	}
	return st.conclude()
}

// open returns the file of starts, or standard input for "-".
func (a *app) open(name string) (io.Reader, func(), error) {
	if name == "-" {
		return a.in, func() {}, nil
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, nil, &usageError{err}
	}
	return f, func() { f.Close() }, nil
}

func (st *starter) add(ctx context.Context, r row) error {
	if r.Err != nil {
		return st.failed(r, r.Err)
	}
	if err := st.limit.Wait(ctx); err != nil {
		return errors.Join(context.Cause(ctx), err)
	}
	st.flags.fill(&r.Start)
	st.batch = append(st.batch, r)
	if len(st.batch) < min(startBatch, st.limit.Burst()) {
		return nil
	}
	return st.flush(ctx)
}

// flush starts the batch. It fails when nobody could be asked at all; then the rest of the file would fare no better.
func (st *starter) flush(ctx context.Context) error {
	if len(st.batch) == 0 {
		return nil
	}
	starts := make([]bus.StartRequest, len(st.batch))
	for i, r := range st.batch {
		starts[i] = r.Start
	}
	replies, err := ask(ctx, st.session, func(ctx context.Context) ([]bus.SpawnReply, error) {
		replies, err := st.fleet.SpawnMany(ctx, starts)
		if len(replies) == len(starts) && ctx.Err() == nil {
			return replies, nil
		}
		return replies, err
	})
	if len(replies) != len(starts) {
		return errors.Join(err, errors.New("no answer to a batch of starts"))
	}
	reached := false
	for i, reply := range replies {
		reached = reached || reply.Error == nil || !unreached(reply.Error)
		if err := st.count(st.batch[i], reply); err != nil {
			return err
		}
	}
	st.batch = st.batch[:0]
	st.meter.set(int64(st.sum.total()), int64(st.sum.Failed))
	if !reached {
		return replies[0].Error
	}
	return context.Cause(ctx)
}

// unreached reports whether e says that nobody served the request.
func unreached(e *bus.Error) bool { return e.Code == bus.CodeUnavailable || e.Code == bus.CodeTimeout }

func (st *starter) count(r row, reply bus.SpawnReply) error {
	switch {
	case reply.Error != nil:
		return st.failed(r, reply.Error)
	case reply.Status == bus.SpawnCreated:
		st.sum.Created++
	case reply.Status == bus.SpawnFinished:
		st.sum.Finished++
	default:
		st.sum.Existing++
	}
	if st.format == render.JSONL {
		return st.printer().Print(reply, nil)
	}
	return nil
}

// failuresShown is how many failures are told in full; a file of failures has all of them.
const failuresShown = 10

func (st *starter) failed(r row, cause error) error {
	st.sum.Failed++
	wire := bus.WireError(cause)
	line, err := bus.Encode(failure{Line: r.Line, Start: r.Raw, Error: wire})
	if err == nil {
		_, err = st.failures.Write(append(line, '\n'))
	}
	if err != nil {
		return fmt.Errorf("failures: %w", err)
	}
	if st.shown++; st.shown <= failuresShown {
		st.meter.log(fmt.Sprintf("line %d: %s", r.Line, clean(wire.Error())))
	}
	if st.format == render.JSONL {
		return st.printer().Print(bus.SpawnReply{Status: bus.StatusError, Error: wire}, nil)
	}
	return nil
}

// conclude shows the summary.
func (st *starter) conclude() error {
	note := fmt.Sprintf("%d created, %d existing, %d finished, %d failed", st.sum.Created, st.sum.Existing, st.sum.Finished, st.sum.Failed)
	if st.format == render.JSONL {
		fmt.Fprintln(st.err, "tracker:", note)
	} else if err := st.printer().Print(st.sum, func() render.Grid { return render.Grid{Notes: []string{note}} }); err != nil {
		return err
	}
	if st.sum.Failed > 0 {
		return told(exitError)
	}
	return nil
}

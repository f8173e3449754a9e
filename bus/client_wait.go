package bus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"
)

// Outcome is how a run of a transaction ended.
type Outcome struct {
	TransactionID ID              `json:"transaction_id"`
	Run           uint64          `json:"run"`
	Status        Status          `json:"status"` // terminal
	At            time.Time       `json:"at"`
	N             uint64          `json:"n"` // of the terminal event
	Result        json.RawMessage `json:"result"`
}

// Wait returns how the transaction ended, at once if it has. It reads the transaction's events from the oldest kept on,
// and looks the tracker up every Recheck, so that no end is missed, even one whose events are not kept any more. An ID that
// nobody has started yet is waited for as well: a start that was just accepted may not be tracked yet.
//
// Wait has no deadline but that of ctx. When ctx ends the error is [ErrNotFound] if there surely was no tracker when last
// looked up, otherwise [ErrTimeout] or, if ctx was cancelled, [ErrUnavailable]; it wraps the cause of ctx.
func (c *Client) Wait(ctx context.Context, id ID) (Outcome, error) {
	if id.IsZero() {
		return Outcome{}, Invalid(Fault{Field: "transaction_id", Message: "is required"})
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	w := &waiter{client: c, id: id, outcomes: make(chan Outcome, 2), broken: make(chan error, 1)} // one from each source
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel() // before waiting for the goroutines
	wg.Go(func() { w.watch(ctx) })
	wg.Go(func() { w.recheck(ctx) })
	select {
	case o := <-w.outcomes:
		return o, nil
	case err := <-w.broken:
		return Outcome{}, err
	case <-ctx.Done():
	}
	select {
	case o := <-w.outcomes:
		return o, nil
	default:
	}
	cause := context.Cause(ctx)
	if w.absent() {
		return Outcome{}, fmt.Errorf("%w: %q: %w", ErrNotFound, id, cause)
	}
	return Outcome{}, clientError(cause)
}

// waiter is one Wait under way.
type waiter struct {
	client   *Client
	id       ID
	outcomes chan Outcome
	broken   chan error

	mu    sync.Mutex
	found error // of the last lookup that was answered
}

func (w *waiter) absent() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return errors.Is(w.found, ErrNotFound)
}

func (w *waiter) saw(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.found = err
}

// watch reads events until one that ends a run is the last there is: a run that follows begins with another event.
func (w *waiter) watch(ctx context.Context) {
	reader := &eventReader{client: w.client, subject: EventsRequest{TransactionID: w.id}.subject(), next: 1}
	defer reader.close()
	for {
		event, err := reader.read(ctx)
		switch {
		case event == nil:
			if ctx.Err() == nil {
				w.broken <- err
			}
			return
		case err != nil:
			continue
		}
		w.saw(nil)
		if event.Terminal() && reader.pending == 0 {
			w.outcomes <- Outcome{w.id, event.Run, Status(event.Type), event.At, event.N, event.Data}
			return
		}
	}
}

// recheck looks the tracker up, now and every Recheck.
func (w *waiter) recheck(ctx context.Context) {
	for {
		reply, err := w.client.Lookup(ctx, w.id)
		switch {
		case err == nil && reply.Tracker.Phase == PhaseFinished && reply.Tracker.Status.Terminal():
			t := reply.Tracker
			w.outcomes <- Outcome{t.TransactionID, t.Run, t.Status, t.UpdatedAt, t.Events, t.Result}
			return
		case err == nil, errors.Is(err, ErrNotFound):
			w.saw(err)
		}
		if !sleep(ctx, w.client.cfg.Recheck) {
			return
		}
	}
}

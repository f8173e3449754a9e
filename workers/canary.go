package workers

import (
	"context"
	"errors"
	"time"

	"trackerfleet/bus"
)

// canarySubject takes the write that shows that the store takes writes.
const canarySubject = "tracker.fleet.cursor.canary"

// checkWrites reports why the journal cannot write. While it does write by itself nothing is added, and no canary while the one
// before is still on its way.
func (d *watchdog) checkWrites(ctx context.Context, w *Worker) error {
	stats := w.journal.Stats()
	if time.Since(stats.LastCommitAt) < freshCommit {
		return nil
	}
	if err := w.ground.trouble(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, watchTimeout)
	defer cancel()
	if d.canary == nil {
		if err := d.release(ctx, w); d.canary == nil {
			return err
		}
	}
	select {
	case err := <-d.canary:
		d.canary = nil
		if errors.Is(err, bus.ErrFenced) {
			return nil // the ownership loop's business
		}
		return err
	case <-ctx.Done():
		return &storeError{w.journal.Stats().LastError}
	}
}

// storeError says that the stream of records takes no writes, with the newest reason if one is known.
type storeError struct{ cause error }

func (e *storeError) Error() string {
	text := "workers: stream " + bus.StreamTracker + " takes no writes"
	if e.cause != nil {
		text += ": " + e.cause.Error()
	}
	return text + "; it may have reached max_bytes, the server its max_file_store, or the disk its end, " +
		"after which the server must be started again"
}

func (e *storeError) Unwrap() error { return e.cause }

// storeTrouble returns why nothing can be stored now, as far as it is known; nil: nothing is known.
func (w *Worker) storeTrouble() error {
	if err := w.ground.trouble(); err != nil {
		return err
	}
	_, writes := w.watch.state()
	return writes
}

// late is the error of a request that was not stored in time and may still be.
func (w *Worker) late(what string) error {
	if trouble := w.storeTrouble(); trouble != nil {
		return bus.Errorf(bus.CodeTimeout, "%s was not stored in time; it may still be: %v", what, trouble)
	}
	return bus.Errorf(bus.CodeTimeout, "%s was not stored in time; it may still be", what)
}

// release sends a canary write on its way, if anything is owned under which it could be written.
func (d *watchdog) release(ctx context.Context, w *Worker) error {
	part := firstOwned(w.partitions[:])
	if part == nil {
		return nil
	}
	done := make(chan error, 1)
	err := w.journal.Submit(ctx, bus.Write{
		Partition: part.number, Epoch: part.epoch.Load(), Unconditional: true,
		State: bus.Message{Subject: canarySubject, Data: []byte("{}")},
		Done:  func(r bus.Result) { done <- r.Err },
	})
	if err == nil {
		d.canary = done
	}
	return err
}

func firstOwned(parts []*partition) *partition {
	for _, p := range parts {
		if p.owned() {
			return p
		}
	}
	return nil
}

package bus

import (
	"context"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
)

// claimTogether is how many times a change is tried as one batch; then each record is tried on its own.
const claimTogether = 3

// change replaces owner records that are still as seen.
func (c *Claims) change(ctx context.Context, seen []Owner, next func(Owner) Owner) (done, lost []Owner, err error) {
	open := make([]*claimWrite, 0, len(seen))
	for _, o := range seen {
		w, err := newClaimWrite(o, next(o))
		if err != nil {
			return nil, nil, err
		}
		open = append(open, w)
	}
	for attempt := 0; len(open) > 0; attempt++ {
		if attempt > 0 {
			if err := wait(ctx, min(time.Duration(attempt)*20*time.Millisecond, time.Second)); err != nil {
				return done, lost, fmt.Errorf("bus: change owners: %w", err)
			}
		}
		written, err := c.publish(ctx, open, attempt < claimTogether)
		done = append(done, written...)
		if err == nil {
			return done, lost, nil
		}
		var settled, gone []Owner
		open, settled, gone, err = c.settle(ctx, open[len(written):])
		done, lost = append(done, settled...), append(lost, gone...)
		if ctx.Err() != nil {
			return done, lost, fmt.Errorf("bus: change owners: %w", err)
		}
	}
	return done, lost, nil
}

// publish writes in one batch, or one by one up to the first that fails. It returns those written.
func (c *Claims) publish(ctx context.Context, open []*claimWrite, together bool) (written []Owner, err error) {
	size := 1
	if together {
		size = len(open)
	}
	for i := 0; i < len(open); i += size {
		group := open[i : i+size]
		msgs := make([]*nats.Msg, size)
		for k, w := range group {
			msgs[k] = w.msg
		}
		attempt, cancel := context.WithTimeout(ctx, claimTimeout)
		first, err := c.batches.Publish(attempt, msgs)
		cancel()
		if err != nil {
			return written, err
		}
		for k, w := range group {
			w.next.Epoch = first + uint64(k)
			written = append(written, w.next)
		}
	}
	return written, nil
}

// settle asks the leader what has become of writes: done, overtaken by somebody else, or to be tried again.
func (c *Claims) settle(ctx context.Context, open []*claimWrite) (again []*claimWrite, done, lost []Owner, err error) {
	ctx, cancel := context.WithTimeout(ctx, claimTimeout)
	defer cancel()
	subjects := make([]string, len(open))
	for i, w := range open {
		subjects[i] = w.msg.Subject
	}
	records, err := c.records.GetAll(ctx, subjects)
	if err != nil {
		return open, nil, nil, err
	}
	for i, w := range open {
		rec := records[i]
		switch {
		case rec != nil && rec.WriteID() == w.id:
			w.next.Epoch = rec.Revision
			done = append(done, w.next)
		case rec == nil && w.seen.Epoch == 0, rec != nil && rec.Revision == w.seen.Epoch:
			again = append(again, w)
		default:
			lost = append(lost, parseOwner(w.seen.Partition, rec))
		}
	}
	return again, done, lost, nil
}

package bus

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// scanPull is how many messages a scan asks for at once.
const scanPull = 4096

// scanStall is how long a scan waits for the next message before it gives up: only a stream that was emptied or lost its
// leader keeps a scan waiting, for the owner records at its end are always there.
const scanStall = 10 * time.Second

// scan reads the whole stream once and yields what belongs to held. One subject stands for all that it is about: in a block of which
// messages were replaced, a server looks at every subject for each message that it sends to a consumer with several, BenchmarkLoad says
// at what price.
func (r *Records) scan(ctx context.Context, held []Holding, yield func(*Record) bool) error {
	return r.scanSubjects(ctx, held, yield, "tracker.fleet.>")
}

// scanSubjects reads by sequence up to the newest of the claims. All that was written before a claim comes before it, and
// what comes after was written under it: so the reader has all, however far behind the replica was at first. A claim whose
// owner record is not met on the way has been replaced meanwhile.
func (r *Records) scanSubjects(ctx context.Context, held []Holding, yield func(*Record) bool, subjects ...string) error {
	var epochs [Partitions]uint64
	var barrier uint64
	for _, h := range held {
		epochs[h.Partition] = h.Epoch
		barrier = max(barrier, h.Epoch)
	}
	feed, err := r.feed(ctx, jetstream.ConsumerConfig{FilterSubjects: subjects})
	if err != nil {
		return err
	}
	defer feed.Stop()
	// Stopping the iterator from outside costs a message much less than a deadline of its own.
	defer context.AfterFunc(ctx, feed.Stop)()
	stalled := time.AfterFunc(scanStall, feed.Stop)
	defer stalled.Stop()
	met := make(map[int]bool, len(held))
	for {
		stalled.Reset(scanStall)
		rec, err := nextRecord(feed)
		stalled.Stop() // the reader may take its time
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case errors.Is(err, jetstream.ErrMsgIteratorClosed):
			return fmt.Errorf("scan: %w in %v", errNoAnswer, scanStall)
		case err != nil:
			return fmt.Errorf("scan: %w", err)
		}
		partition, owner := recordPartition(rec.Subject)
		switch {
		case partition < 0 || epochs[partition] == 0:
		case owner && rec.Revision != epochs[partition]:
			return &FencedError{partition, epochs[partition]}
		case owner:
			met[partition] = true
		case !owner && !yield(rec):
			return errEnough
		}
		if rec.Revision >= barrier {
			return unmet(held, met)
		}
	}
}

// unmet returns the fence of a partition whose owner record was not met.
func unmet(held []Holding, met map[int]bool) error {
	for _, h := range held {
		if !met[h.Partition] {
			return &FencedError{h.Partition, h.Epoch}
		}
	}
	return nil
}

// feed opens a feed of the stream TRACKER.
func (r *Records) feed(ctx context.Context, cfg jetstream.ConsumerConfig) (*Feed, error) {
	js, err := jetstream.New(r.nc)
	if err != nil {
		return nil, err
	}
	return OpenFeed(ctx, js, StreamTracker, cfg, scanPull)
}

func nextRecord(feed *Feed, options ...jetstream.NextOpt) (*Record, error) {
	m, meta, err := feed.Next(options...)
	if err != nil {
		return nil, err
	}
	return &Record{
		Subject: m.Subject(), Revision: meta.Sequence.Stream, Header: nats.Header(m.Headers()), Data: m.Data(), Time: meta.Timestamp,
	}, nil
}

// recordPartition returns the partition of a state or owner subject, -1 when it has none.
func recordPartition(subject string) (partition int, owner bool) {
	rest, owner := strings.CutPrefix(subject, "tracker.fleet.owner.")
	if !owner {
		rest = strings.TrimPrefix(subject, "tracker.fleet.state.")
		rest, _, _ = strings.Cut(rest, ".")
	}
	p, err := strconv.Atoi(rest)
	if err != nil || p < 0 || p >= Partitions {
		return -1, owner
	}
	return p, owner
}

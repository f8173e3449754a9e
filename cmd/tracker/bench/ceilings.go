package bench

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"trackerfleet/bus"
)

const (
	// requestSubject is where bare requests go.
	requestSubject = "tracker.bench.request"
	// replySubject takes what they are answered with.
	replySubject = "tracker.bench.reply"
	// batchStream and batchSubject are where bare batches go.
	batchStream, batchSubject = "TRACKER_BENCH", "tracker.bench.batch"
	// batchPublishers is how many batches are under way at one time, as many as a journal has.
	batchPublishers = 4
	// batchCount is how many full batches are published.
	batchCount = 100
	// requestLimit is how long a bare request may go unanswered.
	requestLimit = 10 * time.Second
	// goroutineLeast and goroutineLimit bound how many bare goroutines are started: fewer say little of the memory of one, and they are
	// larger than trackers.
	goroutineLeast, goroutineLimit = 10_000, 100_000
)

// requests asks bare requests for a time and counts those that were answered. request and reply are as long as those of lookups;
// [Echo] answers, in a process of its own, as a worker does.
func requests(ctx context.Context, client *nats.Conn, request, reply []byte, length time.Duration) (Phase, error) {
	if _, err := client.Request(replySubject, reply, requestLimit); err != nil {
		return Phase{}, fmt.Errorf("bench: bare requests: %w", err)
	}
	return timed(ctx, "bare requests", length, func(ctx context.Context) error {
		_, err := client.RequestWithContext(ctx, requestSubject, request)
		return err
	})
}

// timed runs do again and again, InFlight at a time, for a time, and counts.
func timed(ctx context.Context, name string, length time.Duration, do func(context.Context) error) (Phase, error) {
	ctx, cancel := context.WithTimeout(ctx, length+requestLimit)
	defer cancel()
	began := time.Now()
	counts := make([]int, InFlight)
	err := flight(ctx, InFlight, InFlight, func(ctx context.Context, i int) error {
		for time.Since(began) < length && ctx.Err() == nil {
			if err := do(ctx); err != nil {
				return err
			}
			counts[i]++
		}
		return nil
	})
	total := 0
	for _, n := range counts {
		total += n
	}
	if err != nil {
		return Phase{}, fmt.Errorf("bench: %s: %w", name, err)
	}
	return phase(name, total, time.Since(began)), nil
}

// batches publishes full atomic batches of messages of a size to a stream with the settings of TRACKER, and deletes it.
func batches(ctx context.Context, nc *nats.Conn, like jetstream.StreamConfig, size int) (p Phase, err error) {
	js, err := jetstream.New(nc)
	if err != nil {
		return p, fmt.Errorf("bench: bare batches: %w", err)
	}
	like.Name, like.Subjects, like.Description, like.Metadata = batchStream, []string{batchSubject + ".>"}, "ceiling of a bench", nil
	like.FirstSeq = 0
	if _, err := js.CreateStream(ctx, like); err != nil {
		return p, fmt.Errorf("bench: bare batches: %w", err)
	}
	defer func() {
		if gone := js.DeleteStream(context.WithoutCancel(ctx), batchStream); err == nil && gone != nil {
			err = fmt.Errorf("bench: bare batches: %w", gone)
		}
	}()
	publisher, err := bus.NewBatchPublisher(nc)
	if err != nil {
		return p, err
	}
	defer publisher.Close()
	began := time.Now()
	err = flight(ctx, batchPublishers, batchPublishers, func(ctx context.Context, k int) error {
		for b := k; b < batchCount; b += batchPublishers {
			if _, err := publisher.Publish(ctx, fullBatch(b, size)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return p, fmt.Errorf("bench: bare batches: %w", err)
	}
	return phase("bare batches", batchCount*bus.MaxBatch, time.Since(began)), nil
}

// fullBatch returns batch b, each message on a subject of its own and of that size on disk.
func fullBatch(b, size int) []*nats.Msg {
	msgs := make([]*nats.Msg, bus.MaxBatch)
	for i := range msgs {
		subject := fmt.Sprintf("%s.state.%03d.bench_%07d", batchSubject, i%256, b*bus.MaxBatch+i)
		msgs[i] = &nats.Msg{
			Subject: subject, Header: nats.Header{bus.HeaderWriteID: {"0123456789012345678901.0000"}},
			Data: []byte(strings.Repeat("x", max(size-len(subject)-batchOverhead, 1))),
		}
	}
	return msgs
}

// batchOverhead is what a stored message of fullBatch is longer than its subject and body: its own header, and what the server adds.
const batchOverhead = 30 + 60

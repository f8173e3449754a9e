package bench

import (
	"context"
	"errors"
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
	// batchCount is how many full batches are published in each turn.
	batchCount = 25
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

// bareBatches is the ceiling of a journal: full atomic batches of messages like its own, as many at a time, on a stream with the settings
// of TRACKER, without any condition. [run.start] takes turns with it, so that both have the machine in the same moods.
type bareBatches struct {
	js        jetstream.JetStream
	publisher *bus.BatchPublisher
	like      []*nats.Msg // a started event and its record
	token     string      // of their ID
	published int         // batches
	took      time.Duration
}

// newBareBatches makes the stream, with the settings of another, and messages like those that it has of id.
func newBareBatches(ctx context.Context, nc *nats.Conn, stream jetstream.Stream, id bus.ID) (*bareBatches, error) {
	js, err := jetstream.New(nc)
	if err != nil {
		return nil, fmt.Errorf("bench: bare batches: %w", err)
	}
	b := &bareBatches{js: js, token: id.Token()}
	for _, subject := range []string{bus.EventSubject(id, "started", 1), bus.StateSubject(id)} {
		m, err := stream.GetLastMsgForSubject(ctx, subject)
		if err != nil {
			return nil, fmt.Errorf("bench: bare batches: %s: %w", subject, err)
		}
		b.like = append(b.like, &nats.Msg{Subject: m.Subject, Header: ownHeaders(m.Header), Data: m.Data})
	}
	settings := stream.CachedInfo().Config
	settings.Name, settings.Subjects, settings.Description, settings.Metadata = batchStream, []string{batchSubject + ".>"}, "ceiling of a bench", nil
	settings.FirstSeq = 0
	if _, err := js.CreateStream(ctx, settings); err != nil {
		return nil, fmt.Errorf("bench: bare batches: %w", err)
	}
	if b.publisher, err = bus.NewBatchPublisher(nc); err != nil {
		return nil, errors.Join(err, b.close(ctx))
	}
	return b, nil
}

// close deletes the stream.
func (b *bareBatches) close(ctx context.Context) error {
	if b.publisher != nil {
		_ = b.publisher.Close() // nothing is under way any more
	}
	if err := b.js.DeleteStream(context.WithoutCancel(ctx), batchStream); err != nil {
		return fmt.Errorf("bench: bare batches: %w", err)
	}
	return nil
}

// publish publishes n batches.
func (b *bareBatches) publish(ctx context.Context, n int) error {
	batches := make([][]*nats.Msg, n)
	for i := range batches {
		batches[i] = b.full(b.published + i)
	}
	began := time.Now()
	err := flight(ctx, batchPublishers, batchPublishers, func(ctx context.Context, k int) error {
		for i := k; i < n; i += batchPublishers {
			if _, err := b.publisher.Publish(ctx, batches[i]); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("bench: bare batches: %w", err)
	}
	b.published, b.took = b.published+n, b.took+time.Since(began)
	return nil
}

// full returns batch number k, each message on a subject of its own that is about as long as those of the journal.
func (b *bareBatches) full(k int) []*nats.Msg {
	msgs := make([]*nats.Msg, bus.MaxBatch)
	for i := range msgs {
		like := b.like[i%len(b.like)]
		own := strings.Replace(strings.TrimPrefix(like.Subject, "tracker"), b.token, fmt.Sprintf("%07d", k*bus.MaxBatch+i), 1)
		msgs[i] = &nats.Msg{Subject: batchSubject + own, Header: like.Header, Data: like.Data}
	}
	return msgs
}

func (b *bareBatches) phase() Phase { return phase("bare batches", b.published*bus.MaxBatch, b.took) }

// ownHeaders returns the headers that a message was published with, without what the server was asked to do with it.
func ownHeaders(all nats.Header) nats.Header {
	own := nats.Header{}
	for name, values := range all {
		if !strings.HasPrefix(name, "Nats-") {
			own[name] = values
		}
	}
	return own
}

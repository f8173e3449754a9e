package bus

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"
)

// EventsRequest says which events to read. The zero value reads all that are kept, and then those to come.
type EventsRequest struct {
	// TransactionID limits to one transaction; the zero ID: all.
	TransactionID ID
	// Type limits to one type of event; empty: all.
	Type string
	// From is the first sequence of the stream to read; 0: the oldest that is kept. To resume after an event, ask from its
	// Sequence + 1.
	From uint64
	// New leaves out what was stored before the call. From is ignored then.
	New bool
	// Stored ends the reading after what was stored before the call.
	Stored bool
}

func (r EventsRequest) subject() string {
	token, eventType := "*", "*"
	if !r.TransactionID.IsZero() {
		token = r.TransactionID.Token()
	}
	if r.Type != "" {
		eventType = r.Type
	}
	return "tracker.events." + token + "." + eventType + ".*"
}

func (r EventsRequest) validate() error {
	if r.Type != "" && !identifier(r.Type) {
		return Invalid(Fault{Field: "type", Message: fmt.Sprintf("%q is not the type of an event", r.Type)})
	}
	return nil
}

// Events returns events in the order of the stream, none twice and none missing of those that are kept, over reconnects and
// restarts of servers. It goes on until ctx ends, the loop is left, or, with Stored, the stored events are read.
//
// An event that can't be read is passed on as an error that is [ErrInvalid], with an Event that has its Sequence and Data
// only; the loop may go on. Any other error is the last pair: [ErrTimeout] or [ErrUnavailable] with the cause of ctx, or
// [ErrUnavailable] if the connection was closed or there is no such stream. While the stream can't be reached Events waits
// for it.
func (c *Client) Events(ctx context.Context, r EventsRequest) iter.Seq2[*Event, error] {
	return func(yield func(*Event, error) bool) {
		if err := r.validate(); err != nil {
			yield(nil, err)
			return
		}
		reader := &eventReader{client: c, subject: r.subject(), next: max(r.From, 1)}
		defer reader.close()
		if err := reader.begin(ctx, r); err != nil {
			yield(nil, err)
			return
		}
		for !reader.finished() {
			event, err := reader.read(ctx)
			switch {
			case errors.Is(err, errReadAll):
				return
			case !yield(event, err), err != nil && event == nil:
				return
			}
		}
	}
}

// errReadAll says that nothing is left of what was stored.
var errReadAll = errors.New("bus: all stored events are read")

// eventReader reads the stream in order through consumers of its own, each of which begins where the last one was lost.
type eventReader struct {
	client   *Client
	subject  string
	next     uint64 // sequence to begin the next consumer at
	end      uint64 // last sequence to read; 0: no end
	name     string // of the consumer
	expected uint64 // sequence within the consumer
	pending  uint64 // events that were stored, but not read, when the last one was sent
	losses   int    // of consumers since the last event
	messages jetstream.MessagesContext
}

// begin finds out where New and Stored are.
func (r *eventReader) begin(ctx context.Context, req EventsRequest) error {
	if !req.New && !req.Stored {
		return nil
	}
	return r.persist(ctx, func(ctx context.Context) error {
		stream, err := r.client.js.Stream(ctx, StreamTracker)
		if err != nil {
			return err
		}
		last := stream.CachedInfo().State.LastSeq
		if req.New {
			r.next = last + 1
		}
		if req.Stored {
			// A stream without a message has no last one: end before the first.
			if r.end = last; last < r.next {
				r.end, r.next = 1, 2
			}
		}
		return nil
	})
}

func (r *eventReader) finished() bool { return r.end > 0 && r.next > r.end }

// read returns the next event.
func (r *eventReader) read(ctx context.Context) (*Event, error) {
	for {
		if r.messages == nil {
			if err := r.persist(ctx, r.open); err != nil {
				return nil, err
			}
		}
		m, err := r.messages.Next(jetstream.NextContext(ctx))
		if ctx.Err() != nil {
			return nil, clientError(context.Cause(ctx))
		}
		if err != nil {
			if err := r.lost(ctx, err); err != nil {
				return nil, err
			}
			continue
		}
		meta, err := m.Metadata()
		if err != nil || meta.Sequence.Consumer != r.expected {
			if err := r.lost(ctx, err); err != nil {
				return nil, err
			}
			continue
		}
		r.expected, r.pending, r.losses = r.expected+1, meta.NumPending, 0
		if r.end > 0 && meta.Sequence.Stream > r.end {
			return nil, errReadAll
		}
		r.next = meta.Sequence.Stream + 1
		if r.end > 0 && meta.NumPending == 0 {
			r.next = r.end + 1
		}
		event, err := ParseEvent(m.Subject(), m.Headers(), m.Data(), meta.Sequence.Stream)
		if err != nil {
			return &Event{Sequence: meta.Sequence.Stream, Data: m.Data()}, err
		}
		return event, nil
	}
}

// lost gives the consumer up, so that the next one begins with what did not arrive.
func (r *eventReader) lost(ctx context.Context, err error) error {
	r.close()
	if r.client.nc.IsClosed() {
		return clientError(errors.Join(nats.ErrConnectionClosed, err))
	}
	r.losses++
	if pause, ok := r.client.pause(ctx, r.losses-1, nil); ok {
		sleep(ctx, pause)
	}
	return nil
}

const (
	// eventsExpiry is how long one pull waits on the server, eventsHeartbeat how often the server says meanwhile that the
	// consumer is there; two missed ones are a lost consumer.
	eventsExpiry    = 10 * time.Second
	eventsHeartbeat = time.Second
	// eventsBuffer is how many events are fetched ahead.
	eventsBuffer = 500
	// consumerInactive is when the server forgets the consumer of a reader that is gone.
	consumerInactive = time.Minute
)

// open makes a consumer that begins at next.
func (r *eventReader) open(ctx context.Context) error {
	name := "events_" + nuid.Next()
	consumer, err := r.client.js.CreateConsumer(ctx, StreamTracker, jetstream.ConsumerConfig{
		Name: name, FilterSubject: r.subject, AckPolicy: jetstream.AckNonePolicy,
		DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: r.next,
		MemoryStorage: true, Replicas: 1, InactiveThreshold: consumerInactive,
	})
	if err != nil {
		return err
	}
	r.name, r.expected = name, 1
	if r.end > 0 && consumer.CachedInfo().NumPending == 0 {
		r.next = r.end + 1
		return errReadAll
	}
	r.messages, err = consumer.Messages(jetstream.PullExpiry(eventsExpiry), jetstream.PullHeartbeat(eventsHeartbeat),
		jetstream.PullMaxMessages(eventsBuffer))
	return err
}

// persist calls try until it works, ctx ends, or the connection is closed for good.
func (r *eventReader) persist(ctx context.Context, try func(context.Context) error) error {
	for n := 0; ; n++ {
		attempt, cancel := context.WithTimeout(ctx, bulkSilence*r.client.cfg.Silence)
		err := try(attempt)
		cancel()
		switch {
		case err == nil, errors.Is(err, errReadAll):
			return err
		case ctx.Err() != nil:
			return clientError(context.Cause(ctx))
		case r.client.nc.IsClosed(), errors.Is(err, jetstream.ErrStreamNotFound), errors.Is(err, jetstream.ErrJetStreamNotEnabled):
			return fmt.Errorf("%w: stream %s: %w", ErrUnavailable, StreamTracker, err)
		}
		if pause, ok := r.client.pause(ctx, n, nil); !ok || !sleep(ctx, pause) {
			return fmt.Errorf("%w: %w", ErrUnavailable, err)
		}
	}
}

// close forgets the consumer, here and, if it can be reached, on the server.
func (r *eventReader) close() {
	if r.messages != nil {
		r.messages.Stop()
		r.messages = nil
	}
	if r.name != "" && r.client.nc.IsConnected() {
		ctx, cancel := context.WithTimeout(context.Background(), r.client.cfg.Silence)
		defer cancel()
		_ = r.client.js.DeleteConsumer(ctx, StreamTracker, r.name) // else the server forgets it after consumerInactive
	}
	r.name = ""
}

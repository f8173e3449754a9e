package checker

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/nats-io/nats.go/jetstream"
)

// Read reads the events of a stream by sequence up to what is its last message now, and proves it. It fails when the stream
// cannot be read at all; when something is missing the history says so itself.
func Read(ctx context.Context, js jetstream.JetStream, stream string) (History, error) {
	s, err := js.Stream(ctx, stream)
	if err != nil {
		return History{}, fmt.Errorf("checker: stream %s: %w", stream, err)
	}
	begin := s.CachedInfo().State
	if begin.Msgs == 0 {
		return History{}, nil
	}
	var h History
	sequences, err := readTo(ctx, s, begin.LastSeq, &h)
	if err != nil {
		return History{}, err
	}
	end, err := s.Info(ctx, jetstream.WithDeletedDetails(true))
	if err != nil {
		return History{}, fmt.Errorf("checker: stream %s: %w", stream, err)
	}
	h.Proof = prove(sequences, span{begin.FirstSeq, begin.LastSeq}, end.State.FirstSeq, end.State.Deleted)
	return h, nil
}

// readTo adds the stream's events up to sequence end and returns the sequences of all that it read.
func readTo(ctx context.Context, s jetstream.Stream, end uint64, h *History) (sequences []uint64, err error) {
	consumer, err := s.OrderedConsumer(ctx, jetstream.OrderedConsumerConfig{DeliverPolicy: jetstream.DeliverAllPolicy})
	if err != nil {
		return nil, fmt.Errorf("checker: ordered consumer: %w", err)
	}
	messages, err := consumer.Messages()
	if err != nil {
		return nil, fmt.Errorf("checker: ordered consumer: %w", err)
	}
	defer messages.Stop()
	for {
		msg, err := messages.Next(jetstream.NextContext(ctx))
		if err != nil {
			return nil, fmt.Errorf("checker: read after %d messages: %w", len(sequences), err)
		}
		meta, err := msg.Metadata()
		if err != nil {
			return nil, fmt.Errorf("checker: metadata: %w", err)
		}
		at := meta.Sequence.Stream
		if at <= end {
			sequences = append(sequences, at)
			if strings.HasPrefix(msg.Subject(), "tracker.events.") {
				h.Events = append(h.Events, ParseEvent(at, msg.Subject(), msg.Headers(), msg.Data()))
			}
		}
		if at >= end || meta.NumPending == 0 {
			return sequences, nil
		}
	}
}

type span struct{ first, last uint64 }

// prove returns nil when every sequence of all was read, or is gone from the stream: before its first, or deleted. read is
// ascending.
func prove(read []uint64, all span, first uint64, deleted []uint64) error {
	gone := make(map[uint64]bool, len(deleted))
	for _, seq := range deleted {
		gone[seq] = true
	}
	var errs []error
	next := 0
	for seq := all.first; seq <= all.last; seq++ {
		if next < len(read) && read[next] == seq {
			next++
			continue
		}
		if seq >= first && !gone[seq] {
			errs = append(errs, fmt.Errorf("sequence %d is in the stream and was not read", seq))
			if len(errs) == shown {
				break
			}
		}
	}
	if len(errs) == 0 && next != len(read) {
		errs = append(errs, fmt.Errorf("sequence %d was read out of order", read[next]))
	}
	return errors.Join(errs...)
}

package bus

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// What bounds a [Feed]: how long it may take to open one, how often the server says that it has nothing more, after two of which that are
// not heard the feed has failed, and how long the server remembers one that asks for nothing.
const (
	feedOpens     = 2 * time.Second
	feedHeartbeat = 2 * time.Second
	feedExpires   = 5 * feedHeartbeat
	feedForgotten = 30 * time.Second
)

// errGap says that a message of a feed did not arrive.
var errGap = errors.New("bus: a message of the stream did not arrive")

// Feed reads a stream in order and without acknowledgements. What it returns is complete up to there; when it cannot be sure of that any
// more it fails, and who still wants to read opens another one. nats.go's ordered consumer goes on by itself instead, for which it may wait
// ten seconds and more, whatever has become of its reader.
type Feed struct {
	messages jetstream.MessagesContext
	next     uint64 // place in the feed of the message that must come

	once    sync.Once
	stopped chan struct{}
	watch   sync.WaitGroup
}

// OpenFeed opens a feed of a stream from where cfg says, up to limit messages ahead of their reader.
func OpenFeed(ctx context.Context, js jetstream.JetStream, stream string, cfg jetstream.ConsumerConfig, limit int) (*Feed, error) {
	cfg.AckPolicy, cfg.MemoryStorage, cfg.Replicas, cfg.InactiveThreshold = jetstream.AckNonePolicy, true, 1, feedForgotten
	lost := js.Conn().StatusChanged(nats.RECONNECTING, nats.CLOSED)
	f, err := openFeed(ctx, js, stream, cfg, limit)
	if err != nil {
		js.Conn().RemoveStatusListener(lost)
		return nil, err
	}
	f.watch.Go(func() { f.watchConnection(js.Conn(), lost) })
	return f, nil
}

func openFeed(ctx context.Context, js jetstream.JetStream, stream string, cfg jetstream.ConsumerConfig, limit int) (*Feed, error) {
	ctx, cancel := context.WithTimeout(ctx, feedOpens)
	defer cancel()
	consumer, err := js.CreateConsumer(ctx, stream, cfg)
	if err != nil {
		return nil, fmt.Errorf("bus: open a feed of %s: %w", stream, err)
	}
	messages, err := consumer.Messages(jetstream.PullMaxMessages(limit), jetstream.PullExpiry(feedExpires),
		jetstream.PullHeartbeat(feedHeartbeat), jetstream.WithMessagesErrOnMissingHeartbeat(true))
	if err != nil {
		return nil, fmt.Errorf("bus: open a feed of %s: %w", stream, err)
	}
	return &Feed{messages: messages, next: 1, stopped: make(chan struct{})}, nil
}

// watchConnection ends the feed when the connection is lost: what was on its way then may not have arrived.
func (f *Feed) watchConnection(nc *nats.Conn, lost chan nats.Status) {
	defer nc.RemoveStatusListener(lost)
	select {
	case <-lost:
		f.messages.Stop()
	case <-f.stopped:
	}
}

// Next returns the next message and what the stream says of it. It fails with the error of a context in options when that ends, and
// otherwise when the feed has ended: it was stopped, or the next message cannot be had from it.
func (f *Feed) Next(options ...jetstream.NextOpt) (jetstream.Msg, *jetstream.MsgMetadata, error) {
	m, err := f.messages.Next(options...)
	if err != nil {
		return nil, nil, err
	}
	meta, err := m.Metadata()
	if err != nil {
		return nil, nil, err
	}
	if meta.Sequence.Consumer != f.next {
		return nil, nil, fmt.Errorf("%w: number %d follows %d", errGap, meta.Sequence.Consumer, f.next-1)
	}
	f.next++
	return m, meta, nil
}

// Stop ends the feed. It may be called from any goroutine, and more than once.
func (f *Feed) Stop() {
	f.once.Do(func() { close(f.stopped) })
	f.messages.Stop()
	f.watch.Wait()
}

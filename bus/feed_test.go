package bus_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"trackerfleet/bus"
	"trackerfleet/bus/embedded"
)

// TestFeedReadsInOrderFromWhereItIsTold: all of it, more than the server sends ahead, and nothing after its end.
func TestFeedReadsInOrderFromWhereItIsTold(t *testing.T) {
	nc := fleet(t)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	const messages, from = 200, 50
	for i := range messages {
		if _, err := js.Publish(t.Context(), fmt.Sprintf("tracker.start.t%d", i), nil); err != nil {
			t.Fatal(err)
		}
	}
	feed, err := bus.OpenFeed(t.Context(), js, bus.StreamStarts, jetstream.ConsumerConfig{
		DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: from,
	}, 10)
	if err != nil {
		t.Fatal(err)
	}
	for sequence := uint64(from); sequence <= messages; sequence++ {
		m, meta, err := feed.Next(jetstream.NextContext(within(t, testTimeout)))
		if err != nil {
			t.Fatal(err)
		}
		if meta.Sequence.Stream != sequence || m.Subject() != fmt.Sprintf("tracker.start.t%d", sequence-1) {
			t.Fatalf("got %s at %d, want %d", m.Subject(), meta.Sequence.Stream, sequence)
		}
	}
	feed.Stop()
	feed.Stop()
	if _, _, err := feed.Next(); !errors.Is(err, jetstream.ErrMsgIteratorClosed) {
		t.Errorf("after its end: %v", err)
	}
}

// TestFeedEndsWithItsConnection: what was on its way when the connection broke may not have arrived, so that a feed must not go on.
func TestFeedEndsWithItsConnection(t *testing.T) {
	srv := startServer(t, embedded.Config{})
	proxied := startProxy(t, srv.URL()[len("nats://"):])
	nc := connect(t, bus.ConnectConfig{URLs: []string{proxied.url()}})
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	if err := bus.EnsureAssets(t.Context(), js, bus.AssetsCreate, bus.AssetSettings{}); err != nil {
		t.Fatal(err)
	}
	feed, err := bus.OpenFeed(t.Context(), js, bus.StreamStarts, jetstream.ConsumerConfig{}, 10)
	if err != nil {
		t.Fatal(err)
	}
	defer feed.Stop()
	proxied.cut()
	_, _, err = feed.Next(jetstream.NextContext(within(t, testTimeout)))
	if err == nil || errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the connection was cut, and the feed says %v", err)
	}
}

package checker

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// stream returns a JetStream with the stream TRACKER in it, configured as the fleet's is where it matters here.
func stream(t *testing.T) jetstream.JetStream {
	t.Helper()
	ns, err := server.NewServer(&server.Options{JetStream: true, StoreDir: t.TempDir(), DontListen: true, NoSigs: true, NoLog: true})
	if err != nil {
		t.Fatal(err)
	}
	ns.Start()
	t.Cleanup(func() { ns.Shutdown(); ns.WaitForShutdown() })
	nc, err := nats.Connect("", nats.InProcessServer(ns))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	_, err = js.CreateStream(t.Context(), jetstream.StreamConfig{
		Name: "TRACKER", Subjects: []string{"tracker.events.>", "tracker.fleet.state.>"}, MaxMsgsPerSubject: 1,
	})
	if err != nil {
		t.Fatal(err)
	}
	return js
}

func put(t *testing.T, js jetstream.JetStream, subject string) {
	t.Helper()
	if _, err := js.Publish(t.Context(), subject, []byte("{}")); err != nil {
		t.Fatal(err)
	}
}

func TestReadPassesReplacedRecordsAndProvesThatItReadAll(t *testing.T) {
	js := stream(t)
	for i := range 500 {
		put(t, js, fmt.Sprintf("tracker.fleet.state.1.1.tx%d", i%7))
		put(t, js, fmt.Sprintf("tracker.events.tx%d.progress.%d", i%7, i))
	}
	put(t, js, "tracker.fleet.state.1.1.tx0")

	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	h, err := Read(ctx, js, "TRACKER")
	if err != nil || h.Proof != nil {
		t.Fatal(err, h.Proof)
	}
	if len(h.Events) != 500 || h.Events[499].N != 499 {
		t.Errorf("%d events read, the last is %v", len(h.Events), h.Events[len(h.Events)-1])
	}
}

func TestReadOfAnEmptyStream(t *testing.T) {
	h, err := Read(t.Context(), stream(t), "TRACKER")
	if err != nil || h.Proof != nil || len(h.Events) != 0 {
		t.Errorf("got %v, %v", h, err)
	}
}

func TestReadOfAStreamThatIsNotThere(t *testing.T) {
	if _, err := Read(t.Context(), stream(t), "OTHER"); err == nil {
		t.Error("no error")
	}
}

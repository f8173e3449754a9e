package bus_test

import (
	"fmt"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"trackerfleet/bus"
)

func TestPartitionIsWhatTheServerMaps(t *testing.T) {
	srv, err := server.NewServer(&server.Options{DontListen: true, NoSigs: true, NoLog: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := srv.GlobalAccount().AddMapping("tracker.start.*", "mapped.{{partition(256,1)}}.{{wildcard(1)}}"); err != nil {
		t.Fatal(err)
	}
	srv.Start()
	t.Cleanup(func() {
		srv.Shutdown()
		srv.WaitForShutdown()
	})
	nc := connect(t, bus.ConnectConfig{Options: []nats.Option{nats.InProcessServer(srv)}})
	sub, err := nc.SubscribeSync("mapped.*.*")
	if err != nil {
		t.Fatal(err)
	}
	forms := []string{"txn_%d", "0x%064x", "a.b *>$/é %d"}
	seen := map[int]bool{}
	for i := range 2000 {
		id := parseID(t, fmt.Sprintf(forms[i%len(forms)], i))
		if err := nc.Publish(bus.StartSubject(id), nil); err != nil {
			t.Fatal(err)
		}
		m, err := sub.NextMsg(testTimeout)
		if err != nil {
			t.Fatal(err)
		}
		if want := fmt.Sprintf("mapped.%d.%s", id.Partition(), id.Token()); m.Subject != want {
			t.Fatalf("%q: server maps to %s, want %s", id, m.Subject, want)
		}
		seen[id.Partition()] = true
	}
	if len(seen) < bus.Partitions*9/10 {
		t.Errorf("%d partitions were used", len(seen))
	}
}

package bus_test

import (
	"testing"

	"github.com/nats-io/nats.go"

	"trackerfleet/bus"
)

func TestClientWithoutRightsOnThePartitionsAsksTheService(t *testing.T) {
	nc := fleet(t)
	cfg := quick
	cfg.PublicOnly = true
	c, id := newClient(t, nc, cfg), parseID(t, "t")
	serve(t, nc, "tracker.fleet.p.>", func(m *nats.Msg) any {
		t.Errorf("asked at %s", m.Subject)
		return bus.ErrInternal
	})
	trace := bus.Trace{Parent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}
	serve(t, nc, bus.SubjectSpawn, func(m *nats.Msg) any {
		if got := bus.TraceOf(m.Header); got != trace {
			t.Errorf("trace context is %+v", got)
		}
		return bus.SpawnReply{Status: bus.SpawnExisting, Tracker: tracker(id)}
	})
	got, err := c.Spawn(within(t, testTimeout), bus.StartRequest{TransactionID: id, Trace: trace})
	if err != nil || got.Status != bus.SpawnExisting {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestClientAsksTheFleet(t *testing.T) {
	nc := fleet(t)
	c := newClient(t, nc, quick)
	serve(t, nc, bus.SubjectFleet, func(m *nats.Msg) any {
		if _, err := bus.DecodeFleet(m.Data); err != nil {
			t.Error(err)
		}
		return bus.FleetReply{Workers: []bus.FleetWorker{{Worker: "w-1", Alive: true}}}
	})
	serve(t, nc, bus.SubjectDrain, func(m *nats.Msg) any {
		r, err := bus.DecodeDrain(m.Data)
		if err != nil {
			return err
		}
		if r.Worker != "w-1" {
			return bus.ErrNotFound
		}
		return bus.DrainReply{Worker: r.Worker, Partitions: 256}
	})
	fleet, err := c.Fleet(within(t, testTimeout))
	if err != nil || len(fleet.Workers) != 1 || !fleet.Workers[0].Alive {
		t.Errorf("got %+v, %v", fleet, err)
	}
	drained, err := c.Drain(within(t, testTimeout), "w-1")
	if err != nil || drained.Partitions != 256 {
		t.Errorf("got %+v, %v", drained, err)
	}
	_, err = c.Drain(within(t, testTimeout), "w-2")
	wantOnly(t, err, bus.ErrNotFound)
}

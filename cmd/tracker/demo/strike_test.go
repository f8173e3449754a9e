package demo

import (
	"fmt"
	"testing"
	"time"

	"trackerfleet/bus"
)

// fleetOf returns a fleet whose partitions are owned in turn by the workers.
func fleetOf(workers ...string) bus.FleetReply {
	var f bus.FleetReply
	for p := range bus.Partitions {
		f.Partitions = append(f.Partitions, bus.FleetPartition{Partition: p, State: bus.PartitionOwned, Worker: workers[p%len(workers)]})
	}
	return f
}

func TestShared_needsEveryPartitionAndEveryWorker(t *testing.T) {
	if !shared(fleetOf("w-1", "w-2", "w-3"), 3) {
		t.Error("three of three")
	}
	if shared(fleetOf("w-1", "w-2"), 3) {
		t.Error("two of three")
	}
	f := fleetOf("w-1", "w-2")
	f.Partitions[7].State = bus.PartitionReleased
	if shared(f, 2) {
		t.Error("a partition without an owner")
	}
}

func TestAim_takesTheWorkerWithTheMostToLose(t *testing.T) {
	f := fleetOf("w-1", "w-2")
	var even, odd []bus.ID
	for i := range 40 {
		id, err := bus.ParseID(fmt.Sprint("t", i))
		if err != nil {
			t.Fatal(err)
		}
		if id.Partition()%2 == 0 {
			even = append(even, id)
		} else {
			odd = append(odd, id)
		}
	}
	s := aim(f, append(even[:1:1], odd...))
	if s.Worker != "w-2" || len(s.Running) != len(odd) || s.Partitions != bus.Partitions/2 {
		t.Errorf("got %+v", s)
	}
	if s := aim(f, nil); s.Worker != "" {
		t.Errorf("nothing is left, aims at %+v", s)
	}
}

func TestTakeover_sumsUp(t *testing.T) {
	s := Strike{Worker: "w-1", Running: make([]bus.ID, 4), Taken: map[bus.ID]time.Duration{}}
	if got := s.Takeover(); got != (Takeover{Worker: "w-1", Trackers: 4}) {
		t.Errorf("nobody: %+v", got)
	}
	for i, d := range []time.Duration{3, 1, 2} {
		id, _ := bus.ParseID(fmt.Sprint(i))
		s.Taken[id] = d * time.Second
	}
	want := Takeover{Worker: "w-1", Trackers: 4, Taken: 3, Median: bus.Duration(2 * time.Second), Longest: bus.Duration(3 * time.Second)}
	if got := s.Takeover(); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

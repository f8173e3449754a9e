package bus_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"trackerfleet/bus"
)

func TestClaimIsWonByExactlyOne(t *testing.T) {
	nc := fleet(t)
	const racers = 8
	seen, err := newClaims(t, nc).Owners(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	var won, lost [racers][]bus.Owner
	for r := range racers {
		c := newClaims(t, nc)
		wg.Go(func() {
			var err error
			name := fmt.Sprintf("w-%d", r)
			if won[r], lost[r], err = c.Claim(t.Context(), name, name+"-1", seen...); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	winner := map[int]bus.Owner{}
	for r := range racers {
		if len(won[r])+len(lost[r]) != bus.Partitions {
			t.Errorf("racer %d: %d won, %d lost", r, len(won[r]), len(lost[r]))
		}
		for _, o := range won[r] {
			if other, twice := winner[o.Partition]; twice {
				t.Errorf("partition %d was won by %s and %s", o.Partition, other.Worker, o.Worker)
			}
			winner[o.Partition] = o
		}
	}
	now, err := newClaims(t, nc).Owners(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for p, o := range now {
		if o != winner[p] {
			t.Errorf("partition %d: owner is %+v, told %+v", p, o, winner[p])
		}
	}
	for r := range racers {
		for _, o := range lost[r] {
			if o != winner[o.Partition] {
				t.Errorf("racer %d was told of %+v, want %+v", r, o, winner[o.Partition])
			}
		}
	}
}

func TestReleaseGivesUpOnlyWhatIsHeld(t *testing.T) {
	nc := fleet(t)
	owners := claim(t, nc, "w-1")
	c := newClaims(t, nc)
	claimOver(t, nc, owners[1:2], "w-2")
	released, lost, err := c.Release(t.Context(), "w-3", owners[0], owners[1])
	if err != nil || len(released) != 1 || len(lost) != 1 {
		t.Fatalf("got %v, %v, %v", released, lost, err)
	}
	now, err := c.OwnersOf(t.Context(), 1, 0)
	if err != nil {
		t.Fatal(err)
	}
	if !now[0].HeldBy("w-2", "w-2-1") || now[0] != lost[0] {
		t.Errorf("partition 1: %+v, want that of w-2", now[0])
	}
	if now[1] != released[0] || now[1].State != bus.Released || now[1].To != "w-3" || now[1].Epoch <= owners[0].Epoch {
		t.Errorf("partition 0: %+v, want it released to w-3", now[1])
	}
}

func TestWatchTellsEveryOwnerAndEveryChange(t *testing.T) {
	nc := fleet(t)
	owners := claim(t, nc, "w-1")
	told := make(chan bus.Owner, bus.Partitions+1)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	c := newClaims(t, nc)
	go func() { ended <- c.Watch(ctx, func(o bus.Owner) { told <- o }) }()
	for range bus.Partitions {
		if o := <-told; o != owners[o.Partition] {
			t.Errorf("told %+v, want %+v", o, owners[o.Partition])
		}
	}
	won := claimOver(t, nc, owners[7:8], "w-2")
	if o := <-told; o != won[0] {
		t.Errorf("told %+v, want %+v", o, won[0])
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestABrokenOwnerRecordCanBeClaimed(t *testing.T) {
	nc := fleet(t)
	revision := storeRecords(t, nc, []string{bus.OwnerSubject(5)})[bus.OwnerSubject(5)]
	c := newClaims(t, nc)
	seen, err := c.OwnersOf(t.Context(), 5)
	if err != nil || seen[0] != (bus.Owner{Partition: 5, Epoch: revision}) {
		t.Fatalf("got %+v, %v, want nobody at %d", seen, err, revision)
	}
	if won, _, err := c.Claim(t.Context(), "w-1", "w-1-1", seen...); err != nil || len(won) != 1 {
		t.Errorf("got %v, %v", won, err)
	}
}

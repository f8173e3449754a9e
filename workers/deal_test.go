package workers

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"trackerfleet/bus"
)

// fleetOf returns n members of equal weight.
func fleetOf(n int) []member {
	all := make([]member, n)
	for i := range all {
		all[i] = member{worker: fmt.Sprintf("w-%02d", i), incarnation: "1", weight: 1}
	}
	return all
}

// obey returns the owners after everybody has followed a deal.
func obey(wish []string) []bus.Owner {
	owners := make([]bus.Owner, len(wish))
	for p, worker := range wish {
		owners[p] = bus.Owner{Partition: p, Epoch: 1, Worker: worker, Incarnation: "1", State: bus.Owned}
	}
	return owners
}

func counts(wish []string) map[string]int {
	n := make(map[string]int)
	for _, worker := range wish {
		n[worker]++
	}
	return n
}

// TestDealIsFairAndMovesNoMoreThanItMust: whatever the fleet was and becomes, everybody holds its share to within one, and the
// only partitions that move are those of workers that are gone and those beyond a worker's share.
func TestDealIsFairAndMovesNoMoreThanItMust(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		pool := fleetOf(16)
		wish := make([]string, bus.Partitions)
		for range rapid.IntRange(1, 6).Draw(t, "changes") {
			var present []member
			for _, m := range pool {
				if rapid.Bool().Draw(t, m.worker) {
					present = append(present, m)
				}
			}
			if len(present) == 0 {
				present = pool[:1]
			}
			before := counts(wish)
			next := deal(obey(wish), present)
			low, high := bus.Partitions/len(present), (bus.Partitions+len(present)-1)/len(present)
			must := bus.Partitions
			for _, m := range present {
				if n := counts(next)[m.worker]; n < low || n > high {
					t.Fatalf("%s gets %d of %d partitions in a fleet of %d", m.worker, n, bus.Partitions, len(present))
				}
				must -= min(before[m.worker], high)
			}
			moved := 0
			for p := range wish {
				if next[p] != wish[p] {
					moved++
				}
			}
			// One of a member's share may be given to another when the remainder goes round.
			if slack := len(present); moved > must+slack {
				t.Fatalf("%d partitions move, %d must", moved, must)
			}
			wish = next
		}
		if again := deal(obey(wish), membersOf(wish, pool)); fmt.Sprint(again) != fmt.Sprint(wish) {
			t.Fatal("a fleet that has what it should is dealt anew")
		}
	})
}

// TestDealStaysTheSameWhileItIsFollowed: partitions are released and claimed a few at a time, in any order; what moves moves once.
func TestDealStaysTheSameWhileItIsFollowed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		before := rapid.IntRange(1, 8).Draw(t, "before")
		after := rapid.IntRange(1, 8).Draw(t, "after")
		owners := obey(deal(make([]bus.Owner, bus.Partitions), fleetOf(before)))
		present := fleetOf(after)
		first := deal(owners, present)
		must := 0
		for p, o := range owners {
			if first[p] != o.Worker {
				must++
			}
		}
		moves := 0
		for step := 0; moves < must; step++ {
			if step > 4*bus.Partitions {
				t.Fatalf("%d of %d partitions have moved, and no more do", moves, must)
			}
			wish := deal(owners, present)
			p := rapid.IntRange(0, bus.Partitions-1).Draw(t, "partition")
			for owners[p].State == bus.Owned && owners[p].Worker == wish[p] {
				p = (p + 1) % bus.Partitions
			}
			if o := &owners[p]; o.State == bus.Owned {
				o.State, o.To = bus.Released, wish[p]
				continue
			}
			owners[p] = bus.Owner{Partition: p, Epoch: 2, Worker: owners[p].To, Incarnation: "1", State: bus.Owned}
			moves++
		}
		for p, to := range deal(owners, present) {
			if owners[p].Worker != to || owners[p].State != bus.Owned {
				t.Fatalf("after the %d moves that had to be, partition %d is %+v and should be %s's", must, p, owners[p], to)
			}
		}
	})
}

func membersOf(wish []string, pool []member) []member {
	var all []member
	for _, m := range pool {
		if counts(wish)[m.worker] > 0 {
			all = append(all, m)
		}
	}
	return all
}

func TestDealGivesAJoinerItsShareAlone(t *testing.T) {
	for n := 1; n < 16; n++ {
		before := deal(make([]bus.Owner, bus.Partitions), fleetOf(n))
		after := deal(obey(before), fleetOf(n+1))
		joiner := fmt.Sprintf("w-%02d", n)
		for p := range before {
			if after[p] != before[p] && after[p] != joiner {
				t.Fatalf("%d to %d workers: partition %d moves from %s to %s", n, n+1, p, before[p], after[p])
			}
		}
		if got := counts(after)[joiner]; got != bus.Partitions/(n+1) {
			t.Errorf("%d to %d workers: the joiner gets %d partitions", n, n+1, got)
		}
	}
}

func TestDealHeedsWeights(t *testing.T) {
	all := fleetOf(3)
	all[1].weight = 2
	got := counts(deal(make([]bus.Owner, bus.Partitions), all))
	if got["w-00"] != 64 || got["w-01"] != 128 || got["w-02"] != 64 {
		t.Errorf("dealt %v", got)
	}
}

func TestMembersAreTheLiveOnesThatTakePartitions(t *testing.T) {
	peer := func(worker, incarnation string, draining bool) bus.Peer {
		return bus.Peer{Heartbeat: bus.Heartbeat{Worker: worker, Incarnation: incarnation, Draining: draining}}
	}
	got := members([]bus.Peer{peer("b", "2", false), peer("a", "1", false), peer("b", "1", false), peer("c", "1", true)})
	if len(got) != 2 || got[0].worker != "a" || got[1] != (member{worker: "b", incarnation: "1", weight: 1}) {
		t.Errorf("members are %v", got)
	}
}

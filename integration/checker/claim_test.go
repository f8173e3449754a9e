package checker

import "testing"

func TestWritersWhoseEpochHasEndedAreSeen(t *testing.T) {
	event := func(sequence, epoch uint64) Event {
		return Event{Sequence: sequence, Token: "txn_1", Epoch: epoch, Worker: "w-1"}
	}
	p := partitionOf("txn_1")
	claims := indexClaims([]Claim{
		{Sequence: 40, Partition: p, Worker: "w-2"},
		{Sequence: 10, Partition: p, Worker: "w-1"},
		{Sequence: 30, Partition: p, Worker: "w-1"},
		{Sequence: 20, Partition: (p + 1) % partitions, Worker: "w-2"},
		{Sequence: 60, Partition: p, Worker: "w-1"},
		{Sequence: 70, Partition: p, Worker: "w-1", Released: true},
	})
	for _, tc := range []struct {
		event Event
		ended uint64
	}{
		{event(15, 10), 0},
		{event(39, 10), 0}, // claimed anew at 30
		{event(41, 10), 40},
		{event(61, 40), 0},
		{event(65, 60), 0},
		{event(71, 60), 70},
	} {
		if got := endedBy(claims[p], tc.event); got != tc.ended {
			t.Errorf("event at %d of epoch %d: ended by %d, want %d", tc.event.Sequence, tc.event.Epoch, got, tc.ended)
		}
	}
}

// TestPartitionsAreThoseOfTheContract holds the mapping against the published FNV-1a 32 of some strings.
func TestPartitionsAreThoseOfTheContract(t *testing.T) {
	for token, want := range map[string]int{"a": 0xe40c292c % 256, "foobar": 0xbf9cf968 % 256} {
		if got := partitionOf(token); got != want {
			t.Errorf("%s is in partition %d, want %d", token, got, want)
		}
	}
}

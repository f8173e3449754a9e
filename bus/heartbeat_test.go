package bus_test

import (
	"testing"
	"time"

	"trackerfleet/bus"
)

func TestMembershipCountsFromWhenTheOwnBeatWasSent(t *testing.T) {
	const lease = 3 * time.Second
	start := time.Now()
	at := func(d time.Duration) time.Time { return start.Add(d) }
	m := bus.NewMembership("w-1", "a", lease)
	if !m.Frozen(start) {
		t.Error("not frozen before the first round trip")
	}
	own := func(n uint64) bus.Heartbeat { return bus.Heartbeat{Worker: "w-1", Incarnation: "a", Beat: n} }
	m.Sent(1, at(0))
	m.Sent(2, at(time.Second))
	m.Heard(own(1), at(1500*time.Millisecond))
	for after, want := range map[time.Duration]bool{
		1500 * time.Millisecond: false, 2*time.Second - 1: false, 2 * time.Second: true,
	} {
		if got := m.Frozen(at(after)); got != want {
			t.Errorf("frozen %v after the beat that was heard: %v, want %v", after, got, want)
		}
	}
	m.Heard(own(2), at(2500*time.Millisecond))
	m.Heard(own(1), at(2600*time.Millisecond)) // late, proves nothing
	if m.Frozen(at(3*time.Second-1)) || !m.Frozen(at(3*time.Second)) {
		t.Error("the second beat does not count from when it was sent")
	}
	m.Heard(bus.Heartbeat{Worker: "w-1", Incarnation: "b", Beat: 9}, at(3*time.Second))
	if !m.Frozen(at(3 * time.Second)) {
		t.Error("another process of the same name thawed this one")
	}
}

func TestMembershipForgetsTheSilent(t *testing.T) {
	const lease = 3 * time.Second
	start := time.Now()
	m := bus.NewMembership("w-1", "a", lease)
	m.Heard(bus.Heartbeat{Worker: "w-2", Incarnation: "x", Beat: 1}, start)
	m.Heard(bus.Heartbeat{Worker: "w-2", Incarnation: "y", Beat: 1}, start.Add(time.Second))
	m.Heard(bus.Heartbeat{Worker: "w-3", Incarnation: "z", Beat: 4}, start)
	if got := len(m.Live(start.Add(time.Second))); got != 3 {
		t.Errorf("%d live, want 3", got)
	}
	m.Heard(bus.Heartbeat{Worker: "w-3", Incarnation: "z", Beat: 5, Leaving: true}, start.Add(time.Second))
	if m.Alive("w-3", "z", start.Add(time.Second)) {
		t.Error("alive after its goodbye")
	}
	if m.Alive("w-2", "x", start.Add(lease)) || !m.Alive("w-2", "y", start.Add(lease)) {
		t.Error("incarnations of one worker are not told apart")
	}
	if got := m.Live(start.Add(lease)); len(got) != 1 || got[0].Incarnation != "y" {
		t.Errorf("got %+v, want incarnation y alone", got)
	}
}

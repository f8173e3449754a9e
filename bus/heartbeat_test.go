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

// TestMembershipStepsAsideForTheFitOnly: a worker that is unfit falls silent when a peer has been fit all the while, and not when what
// it lacks strikes everybody, nor while a peer has just noticed that it is fit again.
func TestMembershipStepsAsideForTheFitOnly(t *testing.T) {
	start := time.Now()
	for name, c := range map[string]struct {
		peer  func(at time.Duration) (bus.Heartbeat, bool) // what it says, and whether it says anything
		unfit time.Duration                                // from when on this worker is
		aside bool
	}{
		"a peer is fit":           {func(time.Duration) (bus.Heartbeat, bool) { return bus.Heartbeat{}, true }, 0, true},
		"not at once":             {func(time.Duration) (bus.Heartbeat, bool) { return bus.Heartbeat{}, true }, 55 * time.Second, false},
		"nobody is there":         {func(time.Duration) (bus.Heartbeat, bool) { return bus.Heartbeat{}, false }, 0, false},
		"the peer is unfit":       {func(time.Duration) (bus.Heartbeat, bool) { return bus.Heartbeat{Unfit: true}, true }, 0, false},
		"the peer leaves":         {func(time.Duration) (bus.Heartbeat, bool) { return bus.Heartbeat{Draining: true}, true }, 0, false},
		"the peer has just it":    {func(at time.Duration) (bus.Heartbeat, bool) { return bus.Heartbeat{Unfit: at < 55*time.Second}, true }, 0, false},
		"the peer has died":       {func(at time.Duration) (bus.Heartbeat, bool) { return bus.Heartbeat{}, at < 5*time.Second }, 0, false},
		"the peer noticed late":   {func(at time.Duration) (bus.Heartbeat, bool) { return bus.Heartbeat{Unfit: at > 8*time.Second}, true }, 0, false},
		"this one is fit forever": {func(time.Duration) (bus.Heartbeat, bool) { return bus.Heartbeat{}, true }, time.Hour, false},
	} {
		t.Run(name, func(t *testing.T) {
			m := bus.NewMembership("w-1", "one", time.Second)
			aside := false
			for at, beat := time.Duration(0), uint64(1); at < time.Minute; at, beat = at+time.Second/6, beat+1 {
				now := start.Add(at)
				if h, says := c.peer(at); says {
					h.Worker, h.Incarnation, h.Beat = "w-2", "two", beat
					m.Heard(h, now)
				}
				aside = m.Aside(at >= c.unfit, now) || aside
			}
			if aside != c.aside {
				t.Errorf("it stepped aside: %v", aside)
			}
			if aside && m.Aside(false, start.Add(time.Minute)) {
				t.Error("it stays aside when it is fit again")
			}
		})
	}
}

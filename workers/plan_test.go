package workers

import (
	"testing"
	"time"

	"trackerfleet/bus"
)

// TestSilentOwnersAreTakenOverAfterASecondLook: what is free is claimed at once; what a silent owner has is left to it for the jitter,
// counted from the first look, and not at all if it is heard again meanwhile.
func TestSilentOwnersAreTakenOverAfterASecondLook(t *testing.T) {
	free := bus.Owner{Partition: 1, State: bus.Released}
	own := bus.Owner{Partition: 2, State: bus.Owned, Incarnation: "me"}
	silent := bus.Owner{Partition: 3, State: bus.Owned, Incarnation: "other"}
	const jitter = 100 * time.Millisecond
	begin := time.Now()
	o := new(ownership)
	for _, look := range []struct {
		name   string
		after  time.Duration
		silent bool
		claims int
		again  time.Duration
	}{
		{"nobody is silent", 0, false, 2, 0},
		{"somebody is", time.Second, true, 2, jitter},
		{"too early", time.Second + jitter/2, true, 2, 0},
		{"heard again", time.Second + jitter/2, false, 2, 0},
		{"silent again", 2 * time.Second, true, 2, jitter},
		{"in time", 2*time.Second + jitter, true, 3, 0},
		{"one claim failed", 3 * time.Second, true, 3, 0},
	} {
		plan := []bus.Owner{free, own}
		if look.silent {
			plan = append(plan, silent)
		}
		claims, again := o.ripe(plan, "me", begin.Add(look.after), jitter)
		if len(claims) != look.claims || again != look.again {
			t.Errorf("%s: %d claims, again in %v; want %d and %v", look.name, len(claims), again, look.claims, look.again)
		}
	}
}

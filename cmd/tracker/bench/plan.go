package bench

import (
	"fmt"
	"time"

	"trackerfleet/bus"
)

// Plan says how much is done.
type Plan struct {
	Trackers   int           // started, and ended at the end
	Hold       time.Duration // how long they are left idle at least, after memory has settled
	Lookups    time.Duration // how long trackers are looked up
	CrashShare float64       // of the trackers that are crashed, 0 to 1
	Prefix     string        // of the transaction IDs; no other run on the same store may have had it
}

// Bounds of a plan.
const (
	MinTrackers = 100
	MaxTrackers = 2_000_000
)

// Validate returns what is wrong with p.
func (p Plan) Validate() error {
	switch {
	case p.Trackers < MinTrackers || p.Trackers > MaxTrackers:
		return fmt.Errorf("bench: %d trackers: must be %d to %d", p.Trackers, MinTrackers, MaxTrackers)
	case p.Hold < 0 || p.Lookups <= 0:
		return fmt.Errorf("bench: hold %v and lookups %v: times must not be negative, and there must be lookups", p.Hold, p.Lookups)
	case p.CrashShare < 0 || p.CrashShare > 1:
		return fmt.Errorf("bench: crash share %v: must be between 0 and 1", p.CrashShare)
	}
	return nil
}

// crashes returns how many trackers are crashed.
func (p Plan) crashes() int { return int(p.CrashShare * float64(p.Trackers)) }

// ids returns the IDs of all trackers.
func (p Plan) ids() ([]bus.ID, error) {
	ids := make([]bus.ID, p.Trackers)
	for i := range ids {
		id, err := bus.ParseID(fmt.Sprintf("%s_%07d", p.Prefix, i))
		if err != nil {
			return nil, err
		}
		ids[i] = id
	}
	return ids, nil
}

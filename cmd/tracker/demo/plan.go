package demo

import (
	"fmt"
	"math/rand/v2"

	"trackerfleet/bus"
)

// Bounds of [NewPlan].
const (
	MinTrackers = 1
	MaxTrackers = 10_000
)

// Shares of a plan: one in so many.
const (
	twiceEvery  = 5  // transactions are started twice
	crashEvery  = 20 // trackers crash
	hostileName = 50 // IDs have characters that subjects cannot have
)

// Plan is what a rehearsal does. The same numbers give the same plan.
type Plan struct {
	IDs     []bus.ID
	Stream  []bus.ID // starts published and forgotten, in this order
	Spawn   []bus.ID // starts that are answered, in this order
	Victims map[bus.ID]bool
}

// NewPlan returns a plan for so many trackers. Half of the starts go through either door, and duplicates through the other one
// as often as not.
func NewPlan(trackers int, seed uint64) (Plan, error) {
	if trackers < MinTrackers || trackers > MaxTrackers {
		return Plan{}, fmt.Errorf("demo: %d trackers: must be %d to %d", trackers, MinTrackers, MaxTrackers)
	}
	random := rand.New(rand.NewPCG(seed, 0))
	p := Plan{Victims: map[bus.ID]bool{}}
	for i := range trackers {
		name := fmt.Sprintf("demo_%05d", i+1)
		if (i+1)%hostileName == 0 {
			name = fmt.Sprintf("demo/%05d *.> $é", i+1)
		}
		id, err := bus.ParseID(name)
		if err != nil {
			return Plan{}, fmt.Errorf("demo: %w", err)
		}
		p.IDs = append(p.IDs, id)
		if i%crashEvery == 0 {
			p.Victims[id] = true
		}
		p.send(random, id)
		if i%twiceEvery == 0 {
			p.send(random, id)
		}
	}
	for _, door := range [][]bus.ID{p.Stream, p.Spawn} {
		random.Shuffle(len(door), func(i, j int) { door[i], door[j] = door[j], door[i] })
	}
	return p, nil
}

func (p *Plan) send(random *rand.Rand, id bus.ID) {
	if random.IntN(2) == 0 {
		p.Stream = append(p.Stream, id)
	} else {
		p.Spawn = append(p.Spawn, id)
	}
}

// Duplicates returns how many starts are superfluous.
func (p Plan) Duplicates() int { return len(p.Stream) + len(p.Spawn) - len(p.IDs) }

package bubble

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"
)

// kind of a fault.
type kind string

const (
	kill    kind = "kill"    // a worker is gone from one moment to the next
	pause   kind = "pause"   // a worker and the server stop hearing each other; later all of it arrives
	cut     kind = "cut"     // a worker's connections are ended, and new ones for a while
	deaf    kind = "deaf"    // a worker's writes arrive and it does not hear of it
	join    kind = "join"    // a new worker
	drain   kind = "drain"   // SIGTERM
	restart kind = "restart" // of the server, with a time of silence between
)

var kinds = []kind{kill, pause, cut, deaf, join, drain, restart}

// fault strikes at some time after the storm began.
type fault struct {
	kind  kind
	at    time.Duration
	lasts time.Duration // 0: it is over at once
	who   int           // which of the workers that are there then, modulo their number
}

func (f fault) String() string {
	return fmt.Sprintf("%s at %v for %v on %d", f.kind, f.at, f.lasts, f.who)
}

// storm lasts so long, and has so many faults beside the first.
const (
	stormSpan   = 45 * time.Second
	stormFaults = 9
)

// planOf draws the faults of a seed, in order. The first is a kill while there is load, so that there is a takeover; the second
// is a pause of more than a lease, so that there is a writer whom nobody owes anything.
func planOf(seed uint64) []fault {
	r := rand.New(rand.NewPCG(seed, 1))
	plan := []fault{
		{kind: kill, at: between(r, 3*time.Second, 6*time.Second), who: r.IntN(60)},
		{kind: pause, at: between(r, 6*time.Second, 15*time.Second), lasts: between(r, lease, 3*lease), who: r.IntN(60)},
	}
	urn := []kind{kill, pause, pause, cut, deaf, deaf, join, join, drain, restart}
	for range stormFaults {
		f := fault{kind: urn[r.IntN(len(urn))], at: between(r, 4*time.Second, stormSpan), who: r.IntN(60)}
		switch f.kind {
		case pause, cut:
			f.lasts = between(r, lease/2, 3*lease)
		case deaf:
			f.lasts = between(r, 50*time.Millisecond, lease)
		case restart:
			f.lasts = between(r, 100*time.Millisecond, 2*lease)
		}
		plan = append(plan, f)
	}
	slices.SortFunc(plan, func(a, b fault) int { return cmp.Compare(a.at, b.at) })
	return plan
}

func between(r *rand.Rand, low, high time.Duration) time.Duration {
	return low + time.Duration(r.Int64N(int64(high-low)))
}

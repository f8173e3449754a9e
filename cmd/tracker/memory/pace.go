package memory

import "time"

// Bounds on what is traded: memory for the collector's work.
const (
	// collectorShare is how much of all CPUs the collector may take so that the heap can be tighter than GOGC has it.
	collectorShare = 0.02
	// markCost is what a collection takes of a CPU for each live byte, in seconds: that of a heap of small objects with pointers, on a
	// machine that is busy with other things too.
	markCost = 4e-9
	// leastPercent and leastRoom are for how much a heap may always grow until it is collected again.
	leastPercent, leastRoom = 10, 4 << 20

	returnPause = 30 * time.Second // at least, from one return of memory to the next: each is a collection
	returnLeast = 32 << 20         // bytes of a heap that is worth it
)

// heap is how the heap stands, in bytes.
type heap struct {
	allocated uint64 // since the process began
	live      uint64 // reachable when it was collected last
	held      uint64 // taken from the system
}

// pace decides when the collector comes. The zero pace with most and percent set has not looked yet.
type pace struct {
	cpus     int
	most     int     // percent that the program began with
	percent  int     // in force
	rate     float64 // bytes allocated a second, or a quarter of what was a second before
	before   uint64  // bytes allocated until the last look
	looked   time.Time
	burst    bool // much was allocated since memory was returned
	returned time.Time
}

// look takes in how the heap stands. It returns for how many percent the heap may grow until it is collected, and whether memory is
// to be returned to the system now.
func (p *pace) look(now time.Time, h heap) (percent int, giveBack bool) {
	elapsed := now.Sub(p.looked).Seconds()
	first := p.looked.IsZero()
	allocated := h.allocated - p.before
	p.looked, p.before = now, h.allocated
	if first || elapsed <= 0 {
		return p.percent, false
	}
	p.rate = max(float64(allocated)/elapsed, p.rate/4) // quick to let the heap grow, slow to hold it tight
	want := p.wanted(h.live)
	if 4*want < 3*p.percent || 3*want > 4*p.percent || want == p.most {
		p.percent = want // each change stops the world
	}
	return p.percent, p.due(now, h)
}

// wanted returns the percentage at which the collector takes its share at the present rate, within bounds. A heap of twice the size is
// collected half as often, and each time it costs twice as much.
func (p *pace) wanted(live uint64) int {
	percent := 100 * p.rate * markCost / (collectorShare * float64(p.cpus))
	return min(p.most, max(p.least(live), int(percent)))
}

// least returns the percentage of a heap that hardly anything is allocated in.
func (p *pace) least(live uint64) int {
	return min(p.most, max(leastPercent, int(100*leastRoom/max(live, 1))))
}

// due reports whether a burst is over, whose garbage is held still, some of it as if it were live.
func (p *pace) due(now time.Time, h heap) bool {
	if p.wanted(h.live) > p.least(h.live) {
		p.burst = true
		return false
	}
	if !p.burst || h.held < returnLeast || now.Sub(p.returned) < returnPause {
		return false
	}
	p.burst, p.returned = false, now
	return true
}

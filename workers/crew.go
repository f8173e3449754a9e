package workers

import (
	"slices"
	"sync"
)

// crew is the trackers of one partition: from before the child of each is started until its name is free. So giving a partition up
// looks at its own trackers alone.
type crew struct {
	mu      sync.Mutex
	members []*cell // each knows its place, counted from 1
	parting []*cell // those that were there when the partition was given up, until somebody else may have it
}

// enlist makes a cell that is about to be started one of the crew, unless the tenure is over: who gives a partition up says so before
// it looks at the crew, and so it finds the cell, or the cell finds that out.
func (p *partition) enlist(c *cell, t tenure) bool {
	p.crew.mu.Lock()
	defer p.crew.mu.Unlock()
	if !p.keeps(t) {
		return false
	}
	c.mu.Lock()
	c.flags.set(starting, true)
	c.mu.Unlock()
	p.crew.members = append(p.crew.members, c)
	c.crewIndex = int32(len(p.crew.members))
	return true
}

// leave takes out a cell whose name is free.
func (r *crew) leave(c *cell) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.leaveLocked(c)
}

// dismiss takes out a cell that could not be started, as though it had never been there.
func (r *crew) dismiss(c *cell) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.leaveLocked(c)
	if i := slices.Index(r.parting, c); i >= 0 {
		r.parting = slices.Concat(r.parting[:i], r.parting[i+1:]) // others read what it was
	}
}

func (r *crew) leaveLocked(c *cell) {
	if c.crewIndex == 0 {
		return
	}
	last := len(r.members) - 1
	moved := r.members[last]
	r.members[c.crewIndex-1], moved.crewIndex = moved, c.crewIndex
	r.members[last], c.crewIndex = nil, 0
	if r.members = r.members[:last]; last == 0 {
		r.members = nil
	}
}

// part returns the crew of a partition that is given up. They are remembered until it is: until then there may be a stream to write
// their records to again.
func (r *crew) part() []*cell {
	r.mu.Lock()
	defer r.mu.Unlock()
	members := slices.Clone(r.members)
	r.parting = slices.Concat(r.parting, members)
	return members
}

// forgetParting forgets those of the partition that was given up.
func (r *crew) forgetParting() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.parting = nil
}

// all returns the crew, with those that part, each once.
func (r *crew) all() []*cell {
	r.mu.Lock()
	defer r.mu.Unlock()
	seen := make(map[*cell]bool, len(r.members)+len(r.parting))
	var cells []*cell
	for _, some := range [][]*cell{r.parting, r.members} {
		for _, c := range some {
			if !seen[c] {
				seen[c] = true
				cells = append(cells, c)
			}
		}
	}
	return cells
}

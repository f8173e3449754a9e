package workers

import (
	"sync"
	"sync/atomic"
	"time"

	"trackerfleet/bus"
	"trackerfleet/supervision"
	"trackerfleet/workers/source"
	"trackerfleet/workers/tracker"
)

// counters count what the worker did since it was made.
type counters struct {
	created, rejected, crashed, restarted, parked, abandoned atomic.Uint64
	lookups, refusedReplies, moves, handOvers                atomic.Uint64

	mu     sync.Mutex
	events map[string]uint64 // by type
}

// published counts stored events.
func (c *counters) published(events []tracker.Event) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.events == nil {
		c.events = make(map[string]uint64)
	}
	for _, e := range events {
		c.events[e.Type]++
	}
}

func (c *counters) byType() map[string]uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := make(map[string]uint64, len(c.events))
	for t, n := range c.events {
		all[t] = n
	}
	return all
}

// Stats is what a worker is and did. Counters count since the worker was made and only go up.
type Stats struct {
	Worker     string
	Trackers   supervision.Counts // now
	Partitions int                // owned now
	Unreadable int                // records of which no tracker could be made, now

	Started        uint64 // starts that made a tracker
	Rejected       uint64 // start messages that could not be understood
	Crashed        uint64
	Restarted      uint64
	Parked         uint64
	Abandoned      uint64 // goroutines given up
	Lookups        uint64
	RefusedReplies uint64 // answers not sent because the reply subject was no inbox
	PartitionMoves uint64 // claims that were won
	HandOvers      uint64 // partitions given to other workers
	Events         map[string]uint64

	Journal bus.JournalStats

	StartBacklog    uint64        // starts that are stored in the stream and not yet as records; 0 on other workers than the pump
	StartBacklogAge time.Duration // of the oldest of them that is under way
	Frozen          bool

	Sources map[string]source.Health
}

// Stats returns the worker's figures as they are now.
func (w *Worker) Stats() Stats {
	s := Stats{
		Worker: w.cfg.Name, Trackers: w.trackers.CountChildren(), Started: w.stats.created.Load(),
		Rejected: w.stats.rejected.Load(), Crashed: w.stats.crashed.Load(), Restarted: w.stats.restarted.Load(),
		Parked: w.stats.parked.Load(), Abandoned: w.stats.abandoned.Load(), Lookups: w.stats.lookups.Load(),
		RefusedReplies: w.stats.refusedReplies.Load(), PartitionMoves: w.stats.moves.Load(), HandOvers: w.stats.handOvers.Load(), Events: w.stats.byType(),
		Journal: w.journal.Stats(), StartBacklog: w.backlog(), Frozen: w.isFrozen(),
		Sources: make(map[string]source.Health, len(w.profiles)),
	}
	if oldest := w.pump.oldest.Load(); oldest != 0 && s.StartBacklog > 0 {
		s.StartBacklogAge = time.Since(time.Unix(0, oldest))
	}
	for _, p := range w.partitions {
		if p.owned() {
			s.Partitions++
			s.Unreadable += p.countStranded()
		}
	}
	for name, p := range w.profiles {
		s.Sources[name] = p.source.Health()
	}
	return s
}

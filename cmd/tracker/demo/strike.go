package demo

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"trackerfleet/bus"
)

// Strike is what is known of the worker that was killed.
type Strike struct {
	Worker     string
	Gone       time.Time                // its process had ended
	Partitions int                      // that it owned just before
	Running    []bus.ID                 // transactions of these that had not ended
	Taken      map[bus.ID]time.Duration // after Gone: a worker that lives answered as their owner
}

// Takeover sums a strike up.
type Takeover struct {
	Worker     string       `json:"worker"` // that was killed
	Partitions int          `json:"partitions"`
	Trackers   int          `json:"trackers"` // running on it
	Taken      int          `json:"taken"`    // of these, that have a live owner again
	Median     bus.Duration `json:"median"`   // from the end of the process to the first answer of the new owner
	Longest    bus.Duration `json:"longest"`
}

// Takeover sums s up.
func (s Strike) Takeover() Takeover {
	took := make([]time.Duration, 0, len(s.Taken))
	for _, d := range s.Taken {
		took = append(took, d.Round(time.Millisecond))
	}
	slices.Sort(took)
	t := Takeover{Worker: s.Worker, Partitions: s.Partitions, Trackers: len(s.Running), Taken: len(took)}
	if n := len(took); n > 0 {
		t.Median, t.Longest = bus.Duration(took[n/2]), bus.Duration(took[n-1])
	}
	return t
}

const (
	shareEvery    = 50 * time.Millisecond // how often the fleet is asked whether everybody has a share
	takeoverEvery = 50 * time.Millisecond // pause between two rounds of look-ups after the strike
	takeoverAsks  = 16                    // look-ups at the same time
	takeoverAsk   = time.Second           // what one may take
)

// awaitShares returns once every partition is owned and every worker owns some.
func (r Rehearsal) awaitShares(ctx context.Context) error {
	tick := time.NewTicker(shareEvery)
	defer tick.Stop()
	for {
		fleet, err := r.Fleet.Fleet(ctx)
		if err == nil && shared(fleet, r.Workers) {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("demo: wait until the workers share the partitions: %w", errors.Join(context.Cause(ctx), err))
		}
	}
}

// shared reports whether the workers own all partitions evenly.
func shared(fleet bus.FleetReply, workers int) bool {
	owned := map[string]int{}
	for _, p := range fleet.Partitions {
		if p.State == bus.PartitionOwned {
			owned[p.Worker]++
		}
	}
	total := 0
	for _, n := range owned {
		if total += n; n < bus.Partitions/workers-1 {
			return false
		}
	}
	return len(owned) == workers && total == bus.Partitions
}

// strike kills the worker that has the most to lose once all trackers were started, and watches the others take over.
func (r Rehearsal) strike(ctx context.Context, t *tally, n *notes) error {
	select {
	case <-t.started:
	case <-ctx.Done():
		return nil
	}
	fleet, err := r.Fleet.Fleet(ctx)
	if err != nil {
		return err
	}
	s := aim(fleet, t.unfinished())
	if s.Worker == "" {
		return errors.New("every transaction has ended before a worker could be killed")
	}
	if err := r.Kill(s.Worker); err != nil {
		return err
	}
	s.Gone, s.Taken = time.Now(), map[bus.ID]time.Duration{}
	n.struck(s)
	t.struck(s)
	r.watchTakeover(ctx, t, n, s)
	return nil
}

// aim chooses the worker that has the most unfinished trackers.
func aim(fleet bus.FleetReply, unfinished []bus.ID) Strike {
	running, owned := map[string][]bus.ID{}, map[string]int{}
	owners := map[int]string{}
	for _, p := range fleet.Partitions {
		if p.State == bus.PartitionOwned {
			owners[p.Partition] = p.Worker
			owned[p.Worker]++
		}
	}
	for _, id := range unfinished {
		if w := owners[id.Partition()]; w != "" {
			running[w] = append(running[w], id)
		}
	}
	var s Strike
	for w, ids := range running {
		if len(ids) > len(s.Running) || (len(ids) == len(s.Running) && w < s.Worker) {
			s = Strike{Worker: w, Partitions: owned[w], Running: ids}
		}
	}
	return s
}

// watchTakeover looks up what ran on the killed worker until all of it has an owner that answers, or ctx ends.
func (r Rehearsal) watchTakeover(ctx context.Context, t *tally, n *notes, s Strike) {
	tick := time.NewTicker(takeoverEvery)
	defer tick.Stop()
	for waiting := s.Running; len(waiting) > 0; {
		slots := make(chan struct{}, takeoverAsks)
		taken := make([]bool, len(waiting))
		var round sync.WaitGroup
		for i, id := range waiting {
			slots <- struct{}{}
			round.Go(func() {
				defer func() { <-slots }()
				if taken[i] = r.owned(ctx, id); taken[i] {
					n.took(id, time.Since(s.Gone))
					t.took()
				}
			})
		}
		round.Wait()
		var still []bus.ID
		for i, id := range waiting {
			if !taken[i] {
				still = append(still, id)
			}
		}
		waiting = still
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// owned reports whether the owner of id answers, and not for the stored record alone; the one that was killed cannot.
func (r Rehearsal) owned(ctx context.Context, id bus.ID) bool {
	ctx, cancel := context.WithTimeout(ctx, takeoverAsk)
	defer cancel()
	reply, err := r.Fleet.Lookup(ctx, id)
	return err == nil && !reply.Stale && (reply.Tracker == nil || reply.Tracker.Phase != bus.PhaseHandoff)
}

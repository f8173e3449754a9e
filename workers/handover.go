package workers

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"trackerfleet/bus"
)

// handOverAtOnce is how many partitions are on their way to others at one time: few, so that each is without its trackers only
// shortly, however slow those are who take them.
const handOverAtOnce = 8

// drainsHeard is the part of a lease for which a draining worker waits for a fleet that stays the same: about the time that
// signals to many workers, sent at once, take to arrive.
const drainsHeard = 6

// rebalance gives partitions away that others should have, a few per round, once the fleet has been the same for a lease, so
// that a rolling restart is not chased. A draining worker gives away everything, and waits only for as long as others need to say
// that they drain too: what it gave to those would move again. After a lease it waits for no fleet.
func (w *Worker) rebalance(run context.Context, o *ownership) error {
	all, settle, now := members(w.pulse.Live()), w.cfg.Lease, time.Now()
	if w.draining.Load() {
		if o.leaving.IsZero() {
			o.leaving = now
		}
		all, settle = without(all, w.cfg.Name), min(w.cfg.Lease/drainsHeard, max(0, w.cfg.Lease-now.Sub(o.leaving)))
	}
	if o.notice(all, now) < settle {
		return nil
	}
	ctx, cancel := context.WithTimeout(run, handOverTimeout)
	defer cancel()
	owners := w.owners.all()
	room := handOverAtOnce - o.underWay(owners, now, w.cfg.Lease)
	for to, parts := range w.surplus(deal(owners, all), room) {
		h := w.beginHandOver(to, parts)
		if late := h.split(h.awaitGone(ctx, handOverPause)); late != nil {
			w.setHanding(late, true)
			o.handing.Go(func() { w.handOverLate(run, late) })
		}
		if err := w.finishHandOver(ctx, h); err != nil {
			return err
		}
		o.release(h.held, time.Now())
		w.kickOwnership()
	}
	return nil
}

// surplus returns the next partitions to give away, at most room, by who is to have them: those that are another's by the deal,
// those whose trackers were stopped already when giving them away failed, and, as a draining worker loads nothing more, those that
// it claimed last. As many as can be go to one worker, the one that is to have the most: for each worker there is a flush, a
// release, a claim and a load, which take as long for one partition as for many. Those that follow by themselves are left alone.
func (w *Worker) surplus(wish []string, room int) map[string][]*partition {
	groups := make(map[string][]*partition)
	for p, to := range wish {
		part := w.partitions[p]
		halfway := part.owned() && (part.is(leaving) && !part.handing.Load() || part.is(loading) && w.draining.Load())
		if moves := part.is(serving) && to != "" && to != w.cfg.Name; halfway || moves {
			groups[to] = append(groups[to], part)
		}
	}
	most := func(a, b string) int { return cmp.Or(len(groups[b])-len(groups[a]), strings.Compare(a, b)) }
	for _, to := range slices.SortedFunc(maps.Keys(groups), most) {
		n := max(0, min(room, len(groups[to])))
		if room -= n; n == 0 {
			delete(groups, to)
			continue
		}
		groups[to] = groups[to][:n]
	}
	return groups
}

// release notes that partitions are on their way to others.
func (o *ownership) release(parts []bus.Owner, now time.Time) {
	for _, p := range parts {
		o.released[p.Partition] = now
	}
}

// underWay returns how many of the partitions that were released nobody owns yet. One that nobody has taken within a lease holds
// the others back no longer.
func (o *ownership) underWay(owners []bus.Owner, now time.Time, lease time.Duration) int {
	maps.DeleteFunc(o.released, func(p int, at time.Time) bool {
		return owners[p].State == bus.Owned || now.Sub(at) >= lease
	})
	return len(o.released)
}

// notice returns for how long the members have been the same.
func (o *ownership) notice(all []member, now time.Time) time.Duration {
	if key := fmt.Sprint(all); key != o.members {
		o.members, o.changed = key, now
	}
	return now.Sub(o.changed)
}

func without(all []member, worker string) []member {
	var others []member
	for _, m := range all {
		if m.worker != worker {
			others = append(others, m)
		}
	}
	return others
}

// drained reports whether nothing is owned here any more.
func (w *Worker) drained() bool {
	for _, p := range w.partitions {
		if p.owned() {
			return false
		}
	}
	return true
}

// drain hands everything over to the other workers, a few partitions at a time, and returns how many there were. It fails when
// there is nobody else, when the worker was frozen for a lease, after which others take what it has, or when ctx ends first; what is handed over by then stays so. Afterwards the worker takes nothing
// more until it is stopped.
func (w *Worker) drain(ctx context.Context) (int, error) {
	before := w.workload().Partitions
	w.draining.Store(true)
	w.pulse.Beat() // or the others would give it partitions, as it has fewer and fewer
	ticker := time.NewTicker(w.cfg.Lease / 30)
	defer ticker.Stop()
	heard := time.Now()
	for !w.drained() {
		frozen := w.isFrozen()
		if !frozen {
			heard = time.Now()
		}
		if time.Since(heard) >= w.cfg.Lease {
			return before - w.workload().Partitions, errFrozen
		}
		if !frozen && len(without(members(w.pulse.Live()), w.cfg.Name)) == 0 {
			return before - w.workload().Partitions, errNobodyElse
		}
		w.kickOwnership()
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return before - w.workload().Partitions, context.Cause(ctx)
		}
	}
	return before, nil
}

// leave gives up what is still owned: to the others in good order, and, where there is nobody, to whoever comes.
func (w *Worker) leave(ctx context.Context) error {
	var parts []*partition
	for _, p := range w.partitions {
		if p.owned() {
			parts = append(parts, p)
		}
	}
	if len(parts) == 0 {
		return nil
	}
	h := w.beginHandOver("", parts)
	h.awaitGone(ctx, handOverTimeout)
	return w.finishHandOver(ctx, h)
}

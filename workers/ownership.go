package workers

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"go.uber.org/zap"

	"trackerfleet/bus"
)

// ownerTable is the newest known owner of every partition. What it says may be a little behind; claims are decided by the
// stream alone.
type ownerTable struct {
	mu     sync.Mutex
	owners [bus.Partitions]bus.Owner
	known  bool   // a first reading of all of them was made
	least  uint64 // epochs below are of a stream that is gone
}

// learn notes an owner unless a later one is known.
func (t *ownerTable) learn(owners ...bus.Owner) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, o := range owners {
		if o.Epoch >= t.owners[o.Partition].Epoch && o.Epoch >= t.least {
			t.owners[o.Partition] = o
		}
	}
}

func (t *ownerTable) of(partition int) bus.Owner {
	t.mu.Lock()
	defer t.mu.Unlock()
	o := t.owners[partition]
	o.Partition = partition
	return o
}

func (t *ownerTable) all() []bus.Owner {
	owners := make([]bus.Owner, bus.Partitions)
	for p := range owners {
		owners[p] = t.of(p)
	}
	return owners
}

func (w *Worker) kickOwnership() {
	select {
	case w.ownKick <- struct{}{}:
	default:
	}
}

// watchOwners follows the owner records.
func (w *Worker) watchOwners(ctx context.Context) error {
	return w.claims.Watch(ctx, func(o bus.Owner) {
		w.owners.learn(o)
		w.kickOwnership()
	})
}

// onFenced is told by the journal that an epoch has ended.
func (w *Worker) onFenced(partition int, epoch uint64) {
	w.fenced.add(bus.Holding{Partition: partition, Epoch: epoch})
	w.kickOwnership()
}

// ownership is the state of the loop that claims and drops partitions.
type ownership struct {
	since   time.Time // listening to heartbeats since
	anew    *anew     // nil: the worker stands on the stream that there is
	frozen  bool      // and the log says so
	members string    // who partitions are dealt to, as last seen
	changed time.Time // when that was new
	leaving time.Time // draining since; zero while it does not
	joined  chan struct{}
	loads   sync.WaitGroup
	handing sync.WaitGroup // of partitions whose trackers take their time

	released map[int]time.Time // partitions on their way to others, and since when
	takeover time.Time         // when silent owners may be taken over; zero: nobody is silent
}

// ownLoop decides what to own whenever something may have changed, until ctx ends. joined is closed after the first round
// after which every partition was served, here or elsewhere.
func (w *Worker) ownLoop(ctx context.Context, joined chan struct{}) {
	o := &ownership{since: time.Now(), joined: joined, released: make(map[int]time.Time)}
	defer o.handing.Wait()
	defer o.loads.Wait()
	ticker := time.NewTicker(w.cfg.Lease / 3)
	defer ticker.Stop()
	for {
		if err := w.own(ctx, o); err != nil && ctx.Err() == nil {
			w.log.Warn("ownership round", zap.Error(err))
		}
		select {
		case <-ctx.Done():
			return
		case <-w.ownKick:
		case <-ticker.C:
		}
	}
}

// own makes one round: freeze, come back from a freeze, claim.
func (w *Worker) own(run context.Context, o *ownership) error {
	if w.unheard() {
		if w.frozen.Store(true); !o.frozen {
			o.frozen = true
			w.log.Warn("own heartbeat is not heard, frozen")
		}
		return nil
	}
	ctx, cancel := context.WithTimeout(run, max(w.cfg.Lease, 2*time.Second))
	defer cancel()
	if stands, err := w.stand(ctx, run, o); err != nil || !stands {
		return err
	}
	if w.frozen.Load() {
		if err := w.thaw(ctx); err != nil {
			return err
		}
		w.settled.Store(false)
		w.frozen.Store(false)
		o.frozen, o.since = false, time.Now()
	}
	if err := w.readOwners(ctx); err != nil {
		return err
	}
	if err := w.settleFenced(ctx); err != nil {
		return err
	}
	if err := w.claim(ctx, run, o); err != nil {
		return err
	}
	for _, c := range w.stalled.takeAll() {
		c.goOn()
	}
	if err := w.rebalance(run, o); err != nil {
		return err
	}
	if o.joined != nil {
		w.tryJoin(o)
	}
	return nil
}

// tryJoin ends the joining of the fleet once every partition is served, or for good when the worker's name is another's: of two
// with one name only the first is dealt to, so the second would wait for ever.
func (w *Worker) tryJoin(o *ownership) {
	twin := slices.ContainsFunc(w.pulse.Live(), func(p bus.Peer) bool {
		return p.Worker == w.cfg.Name && p.Incarnation != w.incarnation && !p.Draining
	})
	switch {
	case w.unserved() == 0:
		close(o.joined)
		o.joined = nil
	case twin && time.Since(o.since) >= w.cfg.Lease:
		w.fail(fmt.Errorf("%w: %q", ErrNameTaken, w.cfg.Name))
	}
}

// unserved counts the partitions that nobody serves, as far as this worker knows: without an owner, with one that is
// silent, or being loaded here.
func (w *Worker) unserved() int {
	n := 0
	for _, o := range w.owners.all() {
		part := w.partitions[o.Partition]
		switch {
		case part.is(serving):
		case part.is(vacant) && o.State == bus.Owned && o.Worker != w.cfg.Name && w.pulse.Alive(o.Worker, o.Incarnation):
		default:
			n++
		}
	}
	return n
}

// readOwners reads all owner records once; later changes come from the watch.
func (w *Worker) readOwners(ctx context.Context) error {
	w.owners.mu.Lock()
	known := w.owners.known
	w.owners.mu.Unlock()
	if known {
		return nil
	}
	owners, err := w.claims.Owners(ctx)
	if err != nil {
		return err
	}
	w.owners.learn(owners...)
	w.owners.mu.Lock()
	w.owners.known = true
	w.owners.mu.Unlock()
	return nil
}

// thaw claims again what was owned before the freeze. Where that succeeds nobody owned it in between, so everything in
// memory still holds; the rest is dropped.
func (w *Worker) thaw(ctx context.Context) error {
	var held []bus.Owner
	for _, p := range w.partitions {
		if epoch := p.epoch.Load(); epoch != 0 {
			held = append(held, bus.Owner{
				Partition: p.number, Epoch: epoch, Worker: w.cfg.Name, Incarnation: w.incarnation, State: bus.Owned,
			})
		}
	}
	if len(held) == 0 {
		return nil
	}
	won, lost, err := w.claims.Claim(ctx, w.cfg.Name, w.incarnation, held...)
	w.owners.learn(won...)
	w.owners.learn(lost...)
	for _, o := range won {
		w.partitions[o.Partition].epoch.Store(o.Epoch)
	}
	if err := w.checkGround(ctx, lost); err != nil {
		return err
	}
	var gone []*partition
	for _, o := range lost {
		if o.HeldBy(w.cfg.Name, w.incarnation) { // an earlier attempt of ours, whose answer was lost
			w.partitions[o.Partition].epoch.Store(o.Epoch)
			continue
		}
		gone = append(gone, w.partitions[o.Partition])
	}
	w.drop(gone...)
	w.log.Info("thawed", zap.Int("kept", len(held)-len(gone)), zap.Int("lost", len(gone)))
	return err
}

// settleFenced looks at partitions whose writes were refused or whose owner record has changed: another worker's are dropped, and those that are this
// worker's under a newer epoch, by a claim whose answer was lost, are kept.
func (w *Worker) settleFenced(ctx context.Context) error {
	refused := w.fenced.takeAll()
	for _, o := range w.owners.all() {
		if epoch := w.partitions[o.Partition].epoch.Load(); epoch != 0 && epoch < o.Epoch {
			refused = append(refused, bus.Holding{Partition: o.Partition, Epoch: epoch})
		}
	}
	var ask []int
	for _, h := range refused {
		if w.partitions[h.Partition].epoch.Load() == h.Epoch && !slices.Contains(ask, h.Partition) {
			ask = append(ask, h.Partition)
		}
	}
	if len(ask) == 0 {
		return nil
	}
	owners, err := w.claims.OwnersOf(ctx, ask...)
	if err == nil {
		err = w.checkGround(ctx, owners)
	}
	if err != nil {
		for _, h := range refused {
			w.fenced.add(h)
		}
		return err
	}
	w.owners.learn(owners...)
	var gone []*partition
	for _, o := range owners {
		if o.HeldBy(w.cfg.Name, w.incarnation) {
			w.partitions[o.Partition].epoch.Store(o.Epoch)
			continue
		}
		gone = append(gone, w.partitions[o.Partition])
	}
	if len(gone) > 0 {
		w.log.Warn("other workers own partitions of this one", zap.Int("partitions", len(gone)))
	}
	w.drop(gone...)
	return nil
}

// claim takes the partitions that are to be had and that fall to this worker. They are loaded until run ends.
func (w *Worker) claim(ctx, run context.Context, o *ownership) error {
	w.settled.Store(time.Since(o.since) >= w.cfg.Lease)
	if w.draining.Load() {
		return nil
	}
	held := func(p int) bool { return !w.partitions[p].is(vacant) }
	plan := claimPlan(w.cfg.Name, w.incarnation, w.owners.all(), w.pulse.Live(), held, w.settled.Load())
	if !w.mayTakeAbsent(o) {
		plan = slices.DeleteFunc(plan, func(o bus.Owner) bool { return o.Epoch == 0 })
	}
	plan, again := o.ripe(plan, w.incarnation, time.Now(), rand.N(w.cfg.Lease/takeoverJitter))
	if again > 0 {
		time.AfterFunc(again, w.kickOwnership)
	}
	if len(plan) == 0 {
		return nil
	}
	if err := w.checkPlan(ctx, plan); err != nil {
		return err
	}
	won, lost, err := w.claims.Claim(ctx, w.cfg.Name, w.incarnation, plan...)
	w.owners.learn(lost...)
	w.owners.learn(won...)
	w.tellLost(plan, won)
	taken := make([]*partition, 0, len(won))
	for _, owner := range won {
		p := w.partitions[owner.Partition]
		p.epoch.Store(owner.Epoch)
		p.enter(loading)
		taken = append(taken, p)
	}
	if err := w.answer(taken); err != nil {
		w.fail(err)
		return err
	}
	if len(taken) > 0 {
		w.log.Info("claimed partitions", zap.Int("partitions", len(taken)))
		w.stats.moves.Add(uint64(len(taken)))
		o.loads.Go(func() {
			w.load(run, taken)
			w.kickOwnership()
		})
	}
	if err != nil {
		return fmt.Errorf("workers: claim %d partitions: %w", len(plan), err)
	}
	return nil
}

// drop ends all trackers of partitions that this worker does not own any more. Nothing is written. The partitions can be had
// again once the last tracker is gone, however long that one takes.
func (w *Worker) drop(gone ...*partition) {
	var lost []*partition
	for _, p := range gone {
		epoch := p.epoch.Swap(0)
		if epoch == 0 {
			continue
		}
		p.enter(leaving)
		lost = append(lost, p)
		w.journal.Revoke(p.number, epoch)
		w.log.Info("dropped partition", zap.Int("partition", p.number), zap.Uint64("epoch", epoch))
	}
	if len(lost) == 0 {
		return
	}
	w.silence(lost)
	cells := w.endTrackers(lost)
	w.tasks.run(func() {
		for _, c := range cells {
			<-c.whenGone()
		}
		for _, p := range lost {
			p.reset()
			p.enter(vacant)
		}
		w.kickOwnership()
	})
}

// endTrackers has the trackers of partitions decide nothing any more, and returns them; their names will be free.
// None of the partitions keeps its tenure any more.
func (w *Worker) endTrackers(parts []*partition) []*cell {
	var cells []*cell
	for _, p := range parts {
		for _, c := range p.crew.part() {
			if c.end() {
				w.finished.add(c)
			}
			cells = append(cells, c)
		}
	}
	return cells
}

package workers

import (
	"context"
	"errors"
	"fmt"
	"time"

	"trackerfleet/bus"
	"trackerfleet/supervision"
	"trackerfleet/workers/tracker"
)

// verbTable is what the worker answers.
func (w *Worker) verbTable() map[string]verb {
	verbs := []verb{
		{name: "lookup", quick: w.quickLookup, handle: w.serveLookup},
		{name: "spawn", handle: w.serveSpawn},
		{name: "call", handle: w.serveCall},
		{name: "stop", handle: w.serveStop},
		{name: "retry", handle: w.serveRetry},
		{name: "list", handle: w.serveList},
		{name: "fleet", handle: w.serveFleet},
		{name: "drain", handle: w.serveDrain, usual: drainTimeout},
	}
	table := make(map[string]verb, len(verbs))
	for _, v := range verbs {
		table[v.name] = v
	}
	return table
}

// serveSpawn starts what a request asks for, here or at the owners, and answers per item. What is not decided when ctx ends is
// answered as timed out, and may still come about.
func (w *Worker) serveSpawn(ctx context.Context, r request) {
	req, err := bus.DecodeSpawn(r.body)
	if err != nil {
		w.replyError(r, err)
		return
	}
	replies := w.startItems(ctx, r, req.Items)
	switch {
	case req.Bulk:
		w.reply(r, bus.SpawnManyReply{Items: replies}.Trim())
	case replies[0].Error != nil:
		w.replyError(r, replies[0].Error)
	default:
		w.reply(r, replies[0])
	}
}

// startItems starts all items and returns their answers, in their order.
func (w *Worker) startItems(ctx context.Context, r request, items []bus.SpawnItem) []bus.SpawnReply {
	base := startRequest{trace: bus.TraceOf(r.header), accepted: w.clock.ago(time.Now(), 0)}
	if r.direct {
		base.readOrigin(r.header, w.clock)
	}
	all := newBulk(len(items))
	for i, item := range items {
		if item.Err != nil {
			all.answer(i, bus.SpawnReply{}, item.Err)
			continue
		}
		start := base
		start.StartRequest = item.Start
		start.reply = func(reply bus.SpawnReply, err error) { all.answer(i, reply, err) }
		w.startAnywhere(ctx, start, r.direct)
	}
	return all.wait(ctx, func() error { return w.late("the start") })
}

// startAnywhere starts at the owner of the partition; a request that was sent to this worker as the owner goes no further.
func (w *Worker) startAnywhere(ctx context.Context, start startRequest, direct bool) {
	p := start.TransactionID.Partition()
	if direct || w.serves(p) {
		w.start(ctx, start)
		return
	}
	if !w.tasks.run(func() { start.reply(w.forwardStart(ctx, start)) }) {
		start.reply(bus.SpawnReply{}, bus.ErrUnavailable)
	}
}

func spawnError(err error) bus.SpawnReply {
	return bus.SpawnReply{Status: bus.StatusError, Error: bus.WireError(err)}
}

// serveCall has the running tracker answer.
func (w *Worker) serveCall(ctx context.Context, r request) {
	req, err := bus.DecodeCall(r.body)
	if err != nil {
		w.replyError(r, err)
		return
	}
	if req.Op == bus.OpCrash && !w.cfg.AllowCrash {
		w.replyError(r, bus.Invalid(bus.Fault{Field: "op", Message: "crash is served only by workers that run with --allow-crash"}))
		return
	}
	c, ok := w.here(req.TransactionID)
	if !ok {
		if record, _, ok := w.absent(ctx, req.TransactionID, "call", r); ok {
			w.replyError(r, w.absentError(record))
		}
		return
	}
	if req.Op == bus.OpRefresh {
		w.serveRefresh(ctx, r, c)
		return
	}
	object, err := w.call(ctx, c, req.Op)
	if err != nil {
		w.replyError(r, err)
		return
	}
	w.reply(r, bus.CallReply{Status: bus.CallOK, Op: req.Op, Tracker: &object})
}

// serveRefresh has the tracker's source asked now, and answers with what came of it, or with what there is when the source takes longer
// than the caller waits.
func (w *Worker) serveRefresh(ctx context.Context, r request, c *cell) {
	wait := w.refreshes.begin(c, w.cfg.MaxRequests/refreshShare)
	defer w.refreshes.end(wait)
	if _, err := w.call(ctx, c, bus.OpRefresh); err != nil {
		w.replyError(r, err)
		return
	}
	answered := wait.answered(ctx, r)
	object := c.object()
	w.reply(r, bus.CallReply{Status: bus.CallOK, Op: bus.OpRefresh, Answered: &answered, Tracker: &object})
}

// call has the running tracker of c do something and returns its object then.
func (w *Worker) call(ctx context.Context, c *cell, op bus.Op) (bus.Tracker, error) {
	answer, err := c.child.Load().Call(ctx, call{op: op})
	if errors.Is(err, supervision.ErrParked) {
		err = bus.Errorf(bus.CodeConflict, "the tracker is parked; tracker.retry brings it back")
	}
	if err != nil {
		return bus.Tracker{}, callError(err)
	}
	object := answer.(bus.Tracker)
	if op == bus.OpState && c.settled(ctx) == nil {
		object = c.object()
	}
	return object, nil
}

// serveStop ends a tracker for good, or crashes it, as the reason says.
func (w *Worker) serveStop(ctx context.Context, r request) {
	req, err := bus.DecodeStop(r.body)
	if err != nil {
		w.replyError(r, err)
		return
	}
	c, ok := w.here(req.TransactionID)
	if !ok {
		w.stopAbsent(ctx, r, req)
		return
	}
	var reply bus.StopReply
	if req.Orderly() {
		reply, err = c.stop(ctx, req.Reason, req.By)
	} else {
		reply, err = c.exit(ctx, req.Reason)
	}
	if err != nil {
		w.replyError(r, callError(err))
		return
	}
	w.reply(r, reply)
}

// decision is what came of an input that somebody waits for.
type decision struct {
	record *tracker.Record
	err    error
}

// decide has the cell decide on an input and waits until that is stored, or ctx ends; then it may still come about.
func (c *cell) decide(ctx context.Context, f func(*tracker.Record, time.Time) tracker.Decision) (*tracker.Record, error) {
	done := make(chan decision, 1)
	c.ask(input{decide: f, done: func(r *tracker.Record, err error) { done <- decision{r, err} }})
	hangs := time.NewTimer(hungPause)
	defer hangs.Stop()
	for {
		select {
		case d := <-done:
			if errors.Is(d.err, errNotMine) && d.record.Phase() != bus.PhaseFinished {
				return nil, fmt.Errorf("%w: %w", bus.ErrUnavailable, d.err)
			}
			if errors.Is(d.err, errNotMine) {
				return d.record, nil
			}
			return d.record, d.err
		case <-hangs.C:
			c.stepAlone()
		case <-ctx.Done():
			return nil, c.part.worker.late("the decision")
		}
	}
}

// stop ends the tracker with the terminal event stopped. When it returns without an error the name is free.
func (c *cell) stop(ctx context.Context, reason, by string) (bus.StopReply, error) {
	status := bus.StopFinished
	record, err := c.decide(ctx, func(r *tracker.Record, now time.Time) tracker.Decision {
		d := r.Stop(now, reason, by)
		if d.Terminal() {
			status = bus.StopStopped
		}
		return d
	})
	if err != nil {
		return bus.StopReply{}, err
	}
	if err := c.awaitGone(ctx); err != nil {
		return bus.StopReply{}, err
	}
	object := record.Object(0)
	object.Worker = c.part.worker.cfg.Name
	return bus.StopReply{Status: status, Tracker: &object}, nil
}

// exit ends the server with an abnormal reason and waits for what follows: the next incarnation, parked, or the end of a
// temporary one. While the tracker waits for a restart it waits for that first.
func (c *cell) exit(ctx context.Context, reason string) (bus.StopReply, error) {
	child := c.child.Load()
	for {
		changed := c.whenChanged()
		before := max(c.record.Load().Incarnation(), child.Incarnation())
		err := child.Exit(errors.New(reason))
		switch {
		case err == nil:
			return c.afterExit(ctx, before)
		case errors.Is(err, supervision.ErrParked):
			return bus.StopReply{}, bus.Errorf(bus.CodeConflict, "the tracker is parked; tracker.retry brings it back")
		case !errors.Is(err, supervision.ErrNotRunning):
			return bus.StopReply{}, err
		}
		if err := c.awaitChange(ctx, changed); err != nil {
			return bus.StopReply{}, err
		}
	}
}

// afterExit waits until the record says what became of a server that had, at most, the incarnation before.
func (c *cell) afterExit(ctx context.Context, before uint64) (bus.StopReply, error) {
	for {
		changed := c.whenChanged()
		record := c.record.Load()
		switch {
		case record.Phase() == bus.PhaseFinished:
			if err := c.awaitGone(ctx); err != nil {
				return bus.StopReply{}, err
			}
			object := record.Object(0)
			object.Worker = c.part.worker.cfg.Name
			return bus.StopReply{Status: bus.StopStopped, Tracker: &object}, nil
		case record.Phase() == bus.PhaseParked:
			object := c.object()
			return bus.StopReply{Status: bus.StopParked, Tracker: &object}, nil
		case record.Incarnation() > before:
			object := c.object()
			return bus.StopReply{Status: bus.StopRestarted, Tracker: &object}, nil
		}
		if err := c.awaitChange(ctx, changed); err != nil {
			return bus.StopReply{}, err
		}
	}
}

// awaitChange waits for the next commit. It fails when the partition is given up before, or with the cause of ctx.
func (c *cell) awaitChange(ctx context.Context, changed <-chan struct{}) error {
	select {
	case <-changed:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	if c.over() && c.record.Load().Phase() != bus.PhaseFinished {
		return fmt.Errorf("%w: %w", bus.ErrUnavailable, errNotMine)
	}
	return nil
}

// serveRetry brings a parked tracker back.
func (w *Worker) serveRetry(ctx context.Context, r request) {
	req, err := bus.DecodeRetry(r.body)
	if err != nil {
		w.replyError(r, err)
		return
	}
	c, ok := w.here(req.TransactionID)
	if !ok {
		w.retryAbsent(ctx, r, req)
		return
	}
	child := c.child.Load()
	if child.Phase() == supervision.Parked {
		c.park(child) // unless its record says so already
	}
	status := bus.RetryRunning
	_, err = c.decide(ctx, func(record *tracker.Record, now time.Time) tracker.Decision {
		d := record.Resumed(now, req.By)
		if d.Next != nil {
			status = bus.RetryResumed
			d.Next = d.Next.Owned(record.Epoch(), record.Incarnation()+1)
		}
		return d
	})
	if err == nil && (status == bus.RetryResumed || child.Phase() == supervision.Parked) {
		status = bus.RetryResumed
		err = w.trackers.Resume(ctx, req.TransactionID.String())
		if errors.Is(err, supervision.ErrNotParked) {
			err = nil // it is on its way already
		}
	}
	if err != nil {
		w.replyError(r, callError(err))
		return
	}
	object := c.object()
	w.reply(r, bus.RetryReply{Status: status, Tracker: &object})
}

package workers

import (
	"context"
	"errors"
	"fmt"
	"time"

	"trackerfleet/bus"
	"trackerfleet/supervision"
	"trackerfleet/workers/source"
	"trackerfleet/workers/tracker"
)

// server is one incarnation of a tracker. All that must outlive a crash is in its cell.
type server struct{ cell *cell }

// call is a tracker.call on its way to the server.
type call struct{ op bus.Op }

func newServer(c *supervision.Child) supervision.Server { return server{cellOf(c)} }

// cellOf returns the cell of a tracker. The cell knows its child from then on: a name leads to a child before its server
// is made.
func cellOf(child *supervision.Child) *cell {
	c := child.Arg().(*cell)
	c.child.CompareAndSwap(nil, child)
	return c
}

// Init watches the transaction and, when it follows a crash, says so before it looks at anything the source has seen.
func (s server) Init(_ context.Context, child *supervision.Child) error {
	c := s.cell
	crash := child.LastCrash()
	c.mu.Lock()
	again := c.handle != nil
	if crash != nil && !crash.At.Equal(c.hadLocked().crashSeen) {
		on := c.onLocked()
		on.crashSeen, on.comeback = crash.At, true
		c.askLocked(c.comesBack(crash))
	}
	c.flags.set(woken, false)
	c.restLocked()
	if on := c.occasion; on != nil && on.inbox.Len() == 0 {
		on.heard = false // what it held is not settled, it was lost: the pin stays until the source has spoken again
	}
	c.mu.Unlock()
	if !again {
		c.watch()
	}
	c.mu.Lock()
	handle := c.handle
	c.mu.Unlock()
	c.takeUp(c.followedTo())
	if again && handle != nil {
		handle.Refresh() // what it crashed on is gone with it
	}
	c.wake()
	return nil
}

// watch begins to follow the transaction where the record left off, unless another Init has done so.
func (c *cell) watch() {
	c.mu.Lock()
	target := c.hadLocked().unwatched
	c.mu.Unlock()
	if target == nil {
		return
	}
	record := c.record.Load()
	hint := record.Hint()
	hint.Since = c.followedTo()
	if hint.Since > 0 {
		// Until the source has said the first thing, what happened since then has not been handed over.
		c.mu.Lock()
		c.pinLocked(hint.Since)
		c.mu.Unlock()
	}
	handle := c.profile().source.Watch(*target, hint, c)
	if !c.keep(handle) {
		handle.Close()
		return
	}
	handle.Wake(record.Wake(target.Policy))
}

// keep makes a watch the tracker's, unless the tracker has ended, or has one: then this Init hung and another one followed.
func (c *cell) keep(handle source.Handle) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.flags.has(ended) || c.handle != nil {
		return false
	}
	c.handle = handle
	c.onLocked().unwatched = nil
	c.idleLocked()
	return true
}

// followedTo returns up to which height everything was handed over and is stored; 0: nothing is known. The partition's
// checkpoint speaks only for what was looked up at least once.
func (c *cell) followedTo() uint64 {
	since := c.record.Load().Hint().Since
	if since > 0 {
		since = max(since, c.part.checkpoint(c.profile().name))
	}
	return since
}

// planDeadline has the tracker expire when due comes, unless it ends before; the zero time: never.
func (c *cell) planDeadline(due time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.flags.has(ended) {
		c.part.worker.deadlines.set(c, due)
	}
}

// comesBack is the input that follows a crash: a temporary tracker ends with it, any other runs again.
func (c *cell) comesBack(crash *supervision.Crash) input {
	incarnation := c.child.Load().Incarnation()
	noted := crashOf(crash)
	decide := func(r *tracker.Record, now time.Time) tracker.Decision {
		if r.Restart() == bus.RestartTemporary {
			return r.Stop(now, noted.Reason, "supervisor")
		}
		return r.Restarted(now, tracker.Comeback{
			Crash: noted, Attempt: crash.Attempt, Backoff: crash.Delay, Incarnation: max(incarnation, r.Incarnation()+1),
		})
	}
	done := func(*tracker.Record, error) {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.onLocked().comeback = false
	}
	return input{decide: decide, done: done}
}

func crashOf(crash *supervision.Crash) tracker.Crash {
	return tracker.Crash{At: crash.At, Reason: crash.Reason.Error(), Stack: crash.Stack.String()}
}

// HandleInfo looks at what the cell has to decide on.
func (s server) HandleInfo(ctx context.Context, msg any) error {
	if _, ok := msg.(wake); !ok {
		return supervision.ErrUnknownMessage
	}
	defer s.cell.rest()
	return s.cell.step(ctx, everything)
}

// HandleCall proves that the tracker runs, by answering from its own goroutine.
func (s server) HandleCall(_ context.Context, request *supervision.Call) error {
	ask, ok := request.Message.(call)
	if !ok {
		return supervision.ErrUnknownMessage
	}
	switch ask.op {
	case bus.OpCrash:
		panic("crash was asked for")
	case bus.OpRefresh:
		s.cell.mu.Lock()
		handle := s.cell.handle
		s.cell.mu.Unlock()
		if handle != nil {
			handle.Refresh()
		}
	case bus.OpState, bus.OpPing:
	default:
		return supervision.ErrUnknownMessage
	}
	request.Reply(s.cell.object(), nil)
	return nil
}

// HandleCast serves nothing.
func (s server) HandleCast(context.Context, any) error { return supervision.ErrUnknownMessage }

// Terminate closes the watch of a tracker that is over, here because closing may panic or hang. A crash leaves the cell as it is.
func (s server) Terminate(context.Context, error) {
	if !s.cell.over() {
		return
	}
	if handle := s.cell.detach(); handle != nil {
		handle.Close()
	}
}

// object is the tracker as the contract shows it.
func (c *cell) object() bus.Tracker {
	t, record, now := c.outline()
	t.WaitingFor = c.waiting(t.Phase, record, now)
	return t
}

// outline is the tracker's object but for what it waits for, and what that can be told from: the record, and how the source looks
// at it. Its identity is the one last committed, so a successor shows only once its restarted event is
// stored; until then the tracker is in backoff.
func (c *cell) outline() (t bus.Tracker, record *tracker.Record, now source.Checks) {
	record = c.record.Load()
	t = record.Object(c.profile().source.Checkpoint().Height)
	t.Worker = c.part.worker.cfg.Name
	c.mu.Lock()
	handle := c.handle
	recovering := c.hadLocked().comeback
	c.mu.Unlock()
	child := c.child.Load()
	t.Phase = phaseNow(t.Phase, child, recovering)
	if handle != nil {
		now = checks(handle)
		t.LastCheckAt, t.NextCheckAt, t.LastCheckEndpoint = timeOrNil(now.Last), timeOrNil(now.Next), now.Endpoint
	}
	if t.Phase == bus.PhaseBackoff || t.Phase == bus.PhaseParked && record.Phase() != bus.PhaseParked {
		if crash := child.LastCrash(); crash != nil { // it may not be in the record yet
			t.NextCheckAt = timeOrNil(crash.NextTry)
			t.LastError = &bus.LastError{At: crash.At, Message: crash.Reason.Error()}
		}
	}
	return t, record, now
}

// checks asks a watch how it is looked at. Whoever looks a tracker up does it, so a source that panics is taken for one that
// knows nothing.
func checks(handle source.Handle) (c source.Checks) {
	defer func() {
		if recover() != nil {
			c = source.Checks{}
		}
	}()
	return handle.Checks()
}

// standing is the phase and the status of the tracker's object, without the rest.
func (c *cell) standing() (bus.Phase, bus.Status) {
	record := c.record.Load()
	c.mu.Lock()
	recovering := c.hadLocked().comeback
	c.mu.Unlock()
	return phaseNow(record.Phase(), c.child.Load(), recovering), record.Status()
}

// phaseNow is the phase that a tracker shows whose record says stored.
func phaseNow(stored bus.Phase, child *supervision.Child, recovering bool) bus.Phase {
	if stored != bus.PhaseRunning || child == nil {
		return stored
	}
	switch phase := child.Phase(); {
	case phase == supervision.BackingOff:
		return bus.PhaseBackoff
	case phase == supervision.Parked:
		return bus.PhaseParked
	case phase == supervision.Starting, recovering:
		return bus.PhaseStarting
	}
	return stored
}

func timeOrNil(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

// callError maps the errors of a supervised call to those of the contract.
func callError(err error) error {
	switch {
	case errors.Is(err, supervision.ErrCrashed):
		return fmt.Errorf("%w: %w", bus.ErrCrashed, err)
	case errors.Is(err, supervision.ErrOverloaded):
		return bus.Overloaded(time.Second)
	case errors.Is(err, supervision.ErrUnknownMessage):
		return fmt.Errorf("%w: %w", bus.ErrInvalid, err)
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("%w: %w", bus.ErrTimeout, err)
	case errors.Is(err, supervision.ErrStopped), errors.Is(err, supervision.ErrNotFound):
		return fmt.Errorf("%w: %w", bus.ErrUnavailable, err) // ended meanwhile; asked again, the record answers
	}
	return err
}

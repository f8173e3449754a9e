package supervision

import (
	"context"
	"errors"
	"time"
)

// stage is what a run does next.
type stage uint8

const (
	stageInit stage = iota
	stageServe
	stageTerminate
	stageEnd
)

// run is the goroutine of an incarnation: from Init to its end for a Process, from waking to hibernation or the end for a
// Server. What isn't said to be guarded belongs to that goroutine.
type run struct {
	child   *Child
	scope   *scope
	own     scope // what scope points to, unless an earlier run's context lives on
	server  Server
	process Process
	number  uint64 // of the incarnation
	stage   stage
	op      operation
	done    bool  // main came to its end
	reason  error // why the incarnation ends

	serving *Call       // the call in HandleCall; guarded by child.mu
	timer   *time.Timer // bounds Init or Terminate; guarded by child.mu
	result  *waiter     // who waits for Init; guarded by child.mu
	inited  bool        // Init succeeded; guarded by child.mu
	first   bool        // the child is not there before this Init succeeded; guarded by child.mu
}

func (c *Child) newRunLocked() *run {
	r := &run{child: c, number: c.Incarnation()}
	r.own.child = c
	r.scope = &r.own
	c.run = r
	c.busy = true
	return r
}

// wakeLocked gives a server that has hibernated a goroutine.
func (c *Child) wakeLocked() {
	if c.busy || !c.phaseIs(Running) && !c.phaseIs(Stopping) {
		return
	}
	r := c.run
	if r == nil {
		r = c.newRunLocked()
	}
	c.busy = true
	r.server = c.server
	r.stage = stageServe
	go r.main()
}

// hibernateLocked lets the goroutine end. Only a context that somebody may be waiting on is kept.
func (c *Child) hibernateLocked(r *run) {
	c.busy = false
	c.run = nil
	if r.scope.used() {
		c.run = &run{child: c, number: r.number, scope: r.scope}
	}
}

// main is a goroutine: that of an incarnation and of those that follow it at once.
func (r *run) main() {
	for r != nil {
		r = r.live()
	}
}

// live goes through the stages. After runtime.Goexit, which nothing can stop, it goes on in a new goroutine. What it returns, if
// anything, is to be run next.
func (r *run) live() *run {
	defer func() {
		if !r.done {
			go r.main()
		}
	}()
	if r.stage == stageInit {
		r.begin()
	}
	if r.stage == stageServe && r.serve() {
		r.done = true
		return nil
	}
	if r.stage == stageTerminate {
		r.terminate()
	}
	next := r.end()
	r.done = true
	return next
}

// begin runs factory and Init.
func (r *run) begin() {
	if err := r.invoke(opInit, nil); err != nil {
		r.fail(opInit, err)
		return
	}
	c := r.child
	c.mu.Lock()
	defer c.mu.Unlock()
	r.inited = true
	r.stage = stageServe
	if c.run != r {
		r.stage = stageEnd
		return
	}
	c.server = r.server
	if c.has().stop != nil {
		return
	}
	r.disarmLocked()
	c.enterLocked(Running)
	if r.first {
		c.emitLocked(EventStarted, nil)
	} else {
		c.restartedLocked()
	}
	c.emitLocked(EventRegistered, nil)
	r.first = false
	r.answerLocked(nil)
}

// fail notes that the incarnation ends because op gave err, and what comes next.
func (r *run) fail(op operation, err error) {
	switch op {
	case opInit, opRun:
		r.stage = stageEnd
	case opTerminate:
		r.stage = stageEnd
		if !onPurpose(r.reason) || isPanic(r.reason) {
			return // the first crash is the reason
		}
	default:
		r.stage = stageTerminate
	}
	r.reason = r.reasonOf(err)
}

// reasonOf maps what the child's code returned to a reason. Only the end of its own scope excuses context.Canceled.
func (r *run) reasonOf(err error) error {
	cause := r.scope.ended()
	ordered := cause != nil && (err == nil || !isPanic(err) && errors.Is(err, context.Canceled))
	switch {
	case ordered:
		return cause
	case err == nil:
		return ErrNormal
	}
	return err
}

func isPanic(err error) bool {
	switch err.(type) {
	case *PanicError, *GoexitError:
		return true
	}
	return false
}

// terminate runs Terminate once, with the time that is left.
func (r *run) terminate() {
	ctx := &scope{child: r.child}
	fenced := !r.boundTerminate(ctx)
	r.stage = stageEnd
	if fenced {
		return
	}
	defer ctx.cancel(context.Canceled)
	if err := r.invoke(opTerminate, ctx); err != nil {
		r.fail(opTerminate, err)
	}
}

// boundTerminate gives Terminate's context its deadline. It reports false if the run was abandoned.
func (r *run) boundTerminate(ctx *scope) bool {
	c := r.child
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.run != r {
		return false
	}
	if stop := c.has().stop; stop != nil {
		ctx.deadline = stop.deadline
	} else if grace := c.typ.grace(); grace > 0 {
		ctx.deadline = time.Now().Add(grace)
		r.armLocked(grace, ErrShutdownTimeout)
	}
	return true
}

func (r *run) answerLocked(err error) {
	if r.result != nil {
		r.result.replies <- reply{err: err}
		r.result = nil
	}
}

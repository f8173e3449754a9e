package supervision

import (
	"errors"
	"fmt"
)

// Reasons with which a child ends on purpose. A handler or Run that returns one of them, wrapped or not, does not crash.
var (
	// ErrNormal is the reason :normal: the work is done. Run returning nil means it too.
	ErrNormal = errors.New("supervision: normal")

	// ErrShutdown is the reason :shutdown: ended by order. StartChild also fails with it after Stop.
	ErrShutdown = errors.New("supervision: shutdown")

	// ErrKilled is the reason of a child stopped by [Brutal].
	ErrKilled = errors.New("supervision: killed")
)

var (
	// ErrIgnore is returned by Init to say that there is to be no child, and by StartChild then. It is not a fault.
	ErrIgnore = errors.New("supervision: ignore")

	// ErrInvalidSpec is wrapped by the error that lists all faults of a ChildSpec.
	ErrInvalidSpec = errors.New("supervision: invalid child spec")

	// ErrAlreadyStarted is what an [*AlreadyStartedError] is.
	ErrAlreadyStarted = errors.New("supervision: already started")

	// ErrMaxChildren is returned by StartChild at Config.MaxChildren. Children in backoff and parked ones count.
	ErrMaxChildren = errors.New("supervision: max children reached")

	// ErrInitTimeout is the reason when Init took longer than ChildType.InitTimeout.
	ErrInitTimeout = errors.New("supervision: init timeout")

	// ErrShutdownTimeout is the reason when a child took longer to end than its Shutdown allows.
	ErrShutdownTimeout = errors.New("supervision: shutdown timeout")

	// ErrAbandoned is the cause of the context of a goroutine that was given up: it runs on, fenced.
	ErrAbandoned = errors.New("supervision: abandoned")

	// ErrGoexit is wrapped by the reason when a child called runtime.Goexit.
	ErrGoexit = errors.New("supervision: goexit")

	// ErrNotParked is returned by Resume for a child in any other phase.
	ErrNotParked = errors.New("supervision: not parked")
)

// Errors of Call, Cast, Info and Exit.
var (
	// ErrNotFound means that no child has the ID.
	ErrNotFound = errors.New("supervision: not found")

	// ErrCrashed is what a [*CrashedError] is: the child crashed while serving the call.
	ErrCrashed = errors.New("supervision: crashed while serving")

	// ErrStopped means that the child has ended for good, or did before it served the message.
	ErrStopped = errors.New("supervision: stopped")

	// ErrTimeout means that the caller's context ended first. Whether the call was served is unknown.
	ErrTimeout = errors.New("supervision: call timeout")

	// ErrCallingSelf means that a child called itself and would have waited for ever.
	ErrCallingSelf = errors.New("supervision: calling itself")

	// ErrParked means that the child is parked and serves nothing until resumed.
	ErrParked = errors.New("supervision: parked")

	// ErrNotRunning is returned by Exit while the child waits for its restart.
	ErrNotRunning = errors.New("supervision: not running")

	// ErrOverloaded means that the mailbox is full; the message was not accepted.
	ErrOverloaded = errors.New("supervision: mailbox full")

	// ErrNoMailbox means that the child is a Process, which takes no messages.
	ErrNoMailbox = errors.New("supervision: a process has no mailbox")

	// ErrUnknownMessage is returned by a handler for a kind of message that it does not know. The child goes on, and the
	// caller of a Call gets it as the reply.
	ErrUnknownMessage = errors.New("supervision: unknown message")
)

// AlreadyStartedError says that the ID is taken, and by which child.
type AlreadyStartedError struct{ Child *Child }

func (e *AlreadyStartedError) Error() string {
	return fmt.Sprintf("%v: %q", ErrAlreadyStarted, e.Child.ID())
}

// Is makes it an [ErrAlreadyStarted].
func (e *AlreadyStartedError) Is(target error) bool { return target == ErrAlreadyStarted }

// CrashedError says why the child crashed while it served the call. It does not unwrap to Reason, which belongs to the
// child, so that a caller who returns it does not take over the child's reason.
type CrashedError struct {
	ID          string
	Incarnation uint64
	Reason      error
}

func (e *CrashedError) Error() string {
	return fmt.Sprintf("%v: %q incarnation %d: %v", ErrCrashed, e.ID, e.Incarnation, e.Reason)
}

// Is makes it an [ErrCrashed].
func (e *CrashedError) Is(target error) bool { return target == ErrCrashed }

// PanicError is the reason of a child that panicked. It does not unwrap to Value: panicking with ErrNormal is a crash.
type PanicError struct {
	Value any
	Stack Stack
}

func (e *PanicError) Error() string { return fmt.Sprintf("panic: %v", e.Value) }

// GoexitError is the reason of a child that called runtime.Goexit.
type GoexitError struct{ Stack Stack }

func (e *GoexitError) Error() string { return ErrGoexit.Error() }

// Unwrap makes it an [ErrGoexit].
func (e *GoexitError) Unwrap() error { return ErrGoexit }

// StopError is returned by Stop when children did not end as they should.
type StopError struct {
	Cause     error            // of the context, if it ended the wait
	Abandoned []AbandonedChild // goroutines given up that still run, from earlier too
	Remaining []string         // IDs of children still stopping when Cause ended the wait
}

func (e *StopError) Error() string {
	s := "supervision: stop"
	for _, a := range e.Abandoned {
		s += fmt.Sprintf(": abandoned %q incarnation %d (%v)", a.ID, a.Incarnation, a.Reason)
	}
	if len(e.Remaining) > 0 {
		s += fmt.Sprintf(": remaining %q", e.Remaining)
	}
	if e.Cause != nil {
		s += ": " + e.Cause.Error()
	}
	return s
}

// Unwrap gives Cause.
func (e *StopError) Unwrap() error { return e.Cause }

package supervision

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"
)

// Server is a child with a mailbox, the GenServer. Its methods are called one at a time, never concurrently, by a goroutine
// of the child's own, which is not always the same one. A handler that returns nil goes on; [ErrNormal] or [ErrShutdown] ends
// the child with that reason; [ErrUnknownMessage] is answered and goes on; any other error, a panic and runtime.Goexit are a
// crash, and so is a context.Canceled that is not from ctx.
//
// The ctx given to Init and the handlers is the incarnation's: cancelled when the child is to stop, with the reason as its
// cause, and when it has ended. It may be kept by goroutines that reply later. Asking for its Done keeps some 300 bytes per
// idle child until the incarnation ends.
type Server interface {
	// Init prepares the server. [ErrIgnore] means that there is to be no child. It sees nothing of a predecessor but what
	// that has stored elsewhere.
	Init(ctx context.Context, c *Child) error

	// HandleCall serves a Call. It answers with call.Reply, or leaves that to somebody later.
	HandleCall(ctx context.Context, call *Call) error

	// HandleCast serves a Cast.
	HandleCast(ctx context.Context, msg any) error

	// HandleInfo serves an Info.
	HandleInfo(ctx context.Context, msg any) error

	// Terminate is called once when the incarnation ends, on a crash too, unless Init failed, the goroutine was abandoned or
	// the shutdown is Brutal. ctx ends when the shutdown time is over.
	Terminate(ctx context.Context, reason error)
}

// Process is a child without a mailbox: a loop. Run returns soon after ctx ended. Returning nil means [ErrNormal].
type Process interface {
	Run(ctx context.Context) error
}

// Shutdown says how long a child is given to end, handler and Terminate together. The zero value is 5 s.
type Shutdown time.Duration

const (
	// Brutal gives no time: Terminate is not called and a busy goroutine is abandoned at once.
	Brutal Shutdown = -1
	// Infinite waits for ever.
	Infinite Shutdown = math.MaxInt64

	defaultShutdown     = 5 * time.Second
	defaultInitTimeout  = 5 * time.Second
	defaultMailboxLimit = 1024
)

// ChildType is what all children of a kind share. It must not be changed once a child of it was started.
type ChildType struct {
	// Name is for events and logs.
	Name string

	// Server or Process makes a new value for every incarnation; exactly one is set. It runs as part of Init.
	Server  func(c *Child) Server
	Process func(c *Child) Process

	// Shutdown is the time to end.
	Shutdown Shutdown

	// InitTimeout bounds factory and Init together; 0 is 5 s, negative is no bound. Afterwards the goroutine is abandoned.
	InitTimeout time.Duration

	// Intensity limits restarts, Backoff spaces them.
	Intensity Intensity
	Backoff   Backoff

	// MailboxLimit is the number of messages that may wait in a mailbox; 0 is 1024.
	MailboxLimit int
}

// ChildSpec describes one child.
type ChildSpec struct {
	// ID is unique in the registry; any bytes, not empty.
	ID string

	// Type is shared with the other children of the kind.
	Type *ChildType

	// Arg is for the factory, by Child.Arg.
	Arg any

	// Restart is Transient unless said otherwise.
	Restart Restart

	// Incarnation is the number of the first incarnation; 0 is 1.
	Incarnation uint64

	// History is when the child crashed before, oldest first, on another machine for instance. It counts for intensity and
	// backoff of the crashes to come.
	History []time.Time

	// Parked makes a child that is parked from the start, without Init, until Resume.
	Parked bool
}

func (s *ChildSpec) validate() error {
	var faults []error
	if s.ID == "" {
		faults = append(faults, errors.New("id: empty"))
	}
	if s.Restart > Temporary {
		faults = append(faults, fmt.Errorf("restart: unknown %d", s.Restart))
	}
	if s.Type == nil {
		faults = append(faults, errors.New("type: missing"))
	} else {
		faults = s.Type.faults(faults)
	}
	if len(faults) == 0 {
		return nil
	}
	return fmt.Errorf("%w %q: %w", ErrInvalidSpec, s.ID, errors.Join(faults...))
}

func (t *ChildType) faults(faults []error) []error {
	if (t.Server == nil) == (t.Process == nil) {
		faults = append(faults, errors.New("type: exactly one of server and process must be set"))
	}
	if t.Shutdown < Brutal {
		faults = append(faults, fmt.Errorf("type.shutdown: %v is neither Brutal nor a duration", time.Duration(t.Shutdown)))
	}
	if t.MailboxLimit < 0 {
		faults = append(faults, fmt.Errorf("type.mailbox_limit: negative %d", t.MailboxLimit))
	}
	return t.Backoff.faults(t.Intensity.faults(faults))
}

// grace is the time to end, for Terminate after a crash also where the shutdown is Brutal. 0 is no bound.
func (t *ChildType) grace() time.Duration {
	switch t.Shutdown {
	case 0, Brutal:
		return defaultShutdown
	case Infinite:
		return 0
	}
	return time.Duration(t.Shutdown)
}

// initTimeout is the time for Init. 0 is no bound.
func (t *ChildType) initTimeout() time.Duration {
	if t.InitTimeout == 0 {
		return defaultInitTimeout
	}
	return max(t.InitTimeout, 0)
}

func (t *ChildType) mailboxLimit() int {
	if t.MailboxLimit == 0 {
		return defaultMailboxLimit
	}
	return t.MailboxLimit
}

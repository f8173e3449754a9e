package supervision

import "context"

type operation uint8

const (
	opInit operation = iota
	opRun
	opCall
	opCast
	opInfo
	opExit
	opTerminate
)

// message waits in a mailbox. Its payload is a *Call for opCall and the reason, an error, for opExit.
type message struct {
	op      operation
	payload any
}

func (m message) call() *Call {
	if m.op != opCall {
		return nil
	}
	return m.payload.(*Call)
}

// mailbox is a queue. It goes back to the supervisor's pool when it has run empty.
type mailbox struct {
	messages []message
	head     int
}

const pooledCapacity = 64 // a mailbox that grew beyond it is left to the collector

func (m *mailbox) len() int { return len(m.messages) - m.head }

// dropLeft removes the calls whose callers have left.
func (m *mailbox) dropLeft() {
	kept := m.messages[:0]
	for _, msg := range m.messages[m.head:] {
		if call := msg.call(); call != nil && !call.waiting() {
			continue
		}
		kept = append(kept, msg)
	}
	clear(m.messages[len(kept):])
	m.messages, m.head = kept, 0
}

func (c *Child) pushLocked(msg message) {
	if c.mailbox == nil {
		c.mailbox, _ = c.sup.mailboxes.Get().(*mailbox)
		if c.mailbox == nil {
			c.mailbox = &mailbox{messages: make([]message, 0, 4)}
		}
	}
	m := c.mailbox
	if m.head > 0 && len(m.messages) == cap(m.messages) {
		n := copy(m.messages, m.messages[m.head:])
		clear(m.messages[n:])
		m.messages, m.head = m.messages[:n], 0
	}
	m.messages = append(m.messages, msg)
}

func (c *Child) popLocked() (message, bool) {
	m := c.mailbox
	if m == nil {
		return message{}, false
	}
	if m.len() == 0 {
		c.mailbox = nil
		if cap(m.messages) <= pooledCapacity {
			m.messages, m.head = m.messages[:0], 0
			c.sup.mailboxes.Put(m)
		}
		return message{}, false
	}
	msg := m.messages[m.head]
	m.messages[m.head] = message{}
	m.head++
	return msg, true
}

// deliver accepts msg and wakes the server if it is hibernated.
func (c *Child) deliver(msg message) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.acceptsLocked(msg.op); err != nil {
		return err
	}
	c.pushLocked(msg)
	c.wakeLocked()
	return nil
}

func (c *Child) acceptsLocked(op operation) error {
	switch c.Phase() {
	case Stopping, Stopped:
		return ErrStopped
	case Parked:
		return ErrParked
	case BackingOff:
		if op == opExit {
			return ErrNotRunning
		}
	}
	if c.typ.Server == nil {
		return ErrNoMailbox
	}
	limit := c.typ.mailboxLimit()
	if op == opExit || c.mailbox == nil || c.mailbox.len() < limit {
		return nil
	}
	c.mailbox.dropLeft()
	if c.mailbox.len() >= limit {
		return ErrOverloaded
	}
	return nil
}

// Cast sends msg to HandleCast without waiting for it to be handled. It fails with [ErrStopped], [ErrParked],
// [ErrOverloaded] or [ErrNoMailbox]. While the child starts or backs off the message waits. A message accepted is lost only
// if the child ends for good before it is handled, or crashes on it.
func (c *Child) Cast(msg any) error { return c.deliver(message{opCast, msg}) }

// Info sends msg to HandleInfo: what did not come from a client, such as news of a source or a timer. It fails as Cast does.
func (c *Child) Info(msg any) error { return c.deliver(message{opInfo, msg}) }

// Exit ends the incarnation with reason, as GenServer.stop(pid, reason) does, without waiting for it: what was sent to a
// Server before is handled first; the context of a Process is cancelled with reason as the cause, and it has its Shutdown time
// to return. Then the child's Restart decides: unless it is Permanent it is over with ErrNormal, ErrShutdown and nil, which
// means ErrNormal; other reasons are a crash. It fails with [ErrStopped], [ErrParked] or, in backoff, [ErrNotRunning].
func (c *Child) Exit(reason error) error {
	if reason == nil {
		reason = ErrNormal
	}
	if c.typ.Server != nil {
		return c.deliver(message{opExit, reason})
	}
	return c.exitProcess(reason)
}

func (c *Child) exitProcess(reason error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.acceptsLocked(opExit); err != nil && err != ErrNoMailbox {
		return err
	}
	r := c.run
	r.scope.cancel(reason)
	r.armLocked(c.typ.grace(), ErrShutdownTimeout)
	return nil
}

// self reports whether ctx is from the child's own handler.
func (c *Child) self(ctx context.Context) bool {
	own, ok := FromContext(ctx)
	return ok && own == c
}

package supervision

import "errors"

// serve handles messages until there are none, when it reports that the server hibernates, or the incarnation ends.
func (r *run) serve() (hibernated bool) {
	if r.process != nil {
		r.fail(opRun, r.invoke(opRun, nil))
		return false
	}
	for {
		msg, what := r.next()
		switch what {
		case nextHibernate:
			return true
		case nextStop:
			r.stage = stageTerminate
			return false
		case nextFenced:
			r.stage = stageEnd
			return false
		}
		if !r.handle(msg) {
			return false
		}
	}
}

type nextStep uint8

const (
	nextMessage nextStep = iota
	nextHibernate
	nextStop
	nextFenced
)

func (r *run) next() (message, nextStep) {
	c := r.child
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.run != r {
		return message{}, nextFenced
	}
	if stop := c.has().stop; stop != nil {
		r.reason = stop.reason
		return message{}, nextStop
	}
	msg, ok := c.popLocked()
	r.serving = msg.call()
	if !ok {
		c.hibernateLocked(r)
		return message{}, nextHibernate
	}
	return msg, nextMessage
}

// handle reports whether the server goes on.
func (r *run) handle(msg message) bool {
	if msg.op == opExit {
		r.fail(opExit, msg.payload.(error))
		return false
	}
	call := msg.call()
	if call != nil && !call.waiting() {
		return true
	}
	err := r.invoke(msg.op, msg.payload)
	if errors.Is(err, ErrUnknownMessage) && !isPanic(err) {
		if call != nil {
			call.Reply(nil, err)
		}
		err = nil
	}
	if err != nil {
		r.fail(msg.op, err)
		return false
	}
	if call != nil && call.waiting() {
		r.child.mu.Lock()
		call.keepLocked()
		r.child.mu.Unlock()
	}
	return true
}

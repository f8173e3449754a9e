package supervision

import (
	"context"
	"fmt"
)

// invoke runs the child's code: all of it runs here, and here its panics and Goexits end.
func (r *run) invoke(op operation, payload any) (err error) {
	r.op = op
	returned := false
	defer r.contain(&returned, &err)
	switch op {
	case opInit:
		err = r.create()
	case opRun:
		err = r.process.Run(r.scope)
	case opCall:
		err = r.server.HandleCall(r.scope, payload.(*Call))
	case opCast:
		err = r.server.HandleCast(r.scope, payload)
	case opInfo:
		err = r.server.HandleInfo(r.scope, payload)
	case opTerminate:
		r.server.Terminate(payload.(context.Context), r.reason)
	}
	returned = true
	return err
}

// contain turns a panic into an error, and prepares the run for going on after a Goexit.
func (r *run) contain(returned *bool, err *error) {
	if *returned {
		return
	}
	if v := recover(); v != nil {
		*err = &PanicError{Value: v, Stack: callers(2)}
		return
	}
	r.fail(r.op, &GoexitError{Stack: callers(2)})
}

func (r *run) create() error {
	c := r.child
	if c.typ.Process != nil {
		if r.process = c.typ.Process(c); r.process == nil {
			return fmt.Errorf("supervision: factory of %q: no process", c.typ.Name)
		}
		return nil
	}
	server := c.typ.Server(c)
	if server == nil {
		return fmt.Errorf("supervision: factory of %q: no server", c.typ.Name)
	}
	if err := server.Init(r.scope, c); err != nil {
		return err
	}
	r.server = server
	return nil
}

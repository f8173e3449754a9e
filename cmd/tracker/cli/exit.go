package cli

import (
	"context"
	"errors"

	"trackerfleet/bus"
	"trackerfleet/bus/embedded"
	"trackerfleet/cmd/tracker/config"
)

// The exit codes; a promise.
const (
	exitOK          = 0
	exitError       = 1
	exitUsage       = 2
	exitNotFound    = 3
	exitUnavailable = 4
	exitFailed      = 10
	exitReplaced    = 11
	exitDropped     = 12
	exitExpired     = 13
	exitStopped     = 14
)

var (
	errInterrupted = errors.New("interrupted")
	errUsage       = errors.New("usage")
	// errTold ends a verb whose answer has said everything; only the exit code is left to give.
	errTold = errors.New("told")
)

// codeError gives an error its exit code.
type codeError struct {
	code int
	err  error
}

func (e *codeError) Error() string { return e.err.Error() }
func (e *codeError) Unwrap() error { return e.err }

// told returns an error that ends the process with code and prints nothing.
func told(code int) error { return &codeError{code, errTold} }

// usageError is a wrong command line.
type usageError struct{ err error }

func (e *usageError) Error() string   { return e.err.Error() }
func (e *usageError) Unwrap() []error { return []error{errUsage, e.err} }

// exitCode returns the code of err.
func exitCode(err error) int {
	var coded *codeError
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &coded):
		return coded.code
	case errors.Is(err, errUsage), errors.Is(err, config.ErrInvalid):
		return exitUsage
	case errors.Is(err, errInterrupted), errors.Is(err, context.Canceled):
		return exitError
	case errors.Is(err, errConnect), errors.Is(err, embedded.ErrNotReady):
		return exitUnavailable
	}
	switch bus.CodeOf(err) {
	case bus.CodeInvalid, bus.CodeTooLarge:
		return exitUsage
	case bus.CodeNotFound:
		return exitNotFound
	case bus.CodeUnavailable, bus.CodeTimeout, bus.CodeOverloaded:
		return exitUnavailable
	}
	return exitError
}

// exitOf returns the exit code of wait for a transaction that ended as s.
func exitOf(s bus.Status) int {
	switch s {
	case bus.StatusConfirmed:
		return exitOK
	case bus.StatusFailed:
		return exitFailed
	case bus.StatusReplaced:
		return exitReplaced
	case bus.StatusDropped:
		return exitDropped
	case bus.StatusExpired:
		return exitExpired
	case bus.StatusStopped:
		return exitStopped
	}
	return exitError
}

package workers

import "errors"

// Errors of starting and stopping a [Worker].
var (
	ErrStopped = errors.New("workers: worker is stopped")
	errNotMine = errors.New("workers: partition is not owned here")
)

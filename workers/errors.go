package workers

import "errors"

// Errors of starting and stopping a [Worker].
var (
	ErrStopped = errors.New("workers: worker is stopped")

	errNotMine    = errors.New("workers: partition is not owned here")
	errNobodyElse = errors.New("workers: no other worker could take the partitions")
	errFrozen     = errors.New("workers: frozen, the own heartbeat is not heard")
)

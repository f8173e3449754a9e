package workers

import (
	"errors"

	"trackerfleet/bus"
)

// Errors of starting and stopping a [Worker].
var (
	ErrStopped   = errors.New("workers: worker is stopped")
	ErrNameTaken = errors.New("workers: another live worker has this name")

	errNotMine    = errors.New("workers: partition is not owned here")
	errNobodyElse = errors.New("workers: no other worker could take the partitions")
	errFrozen     = errors.New("workers: frozen, the own heartbeat is not heard")
	errAnew       = errors.New("workers: stream " + bus.StreamTracker + " was deleted and made anew while this worker held partitions; restart it")
)

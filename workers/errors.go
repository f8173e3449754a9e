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
	errAnew       = errors.New("workers: stream " + bus.StreamTracker + " was made anew with sequences that were used before: nothing that this " +
		"worker holds can be written there safely; restart it, and make streams with `tracker streams create`, which asks the workers")
	errMoving  = errors.New("workers: stream " + bus.StreamTracker + " was made anew, and the records of trackers are not written again yet")
	errNoOwner = errors.New("workers: owner records were taken out of stream " + bus.StreamTracker + "; restart the worker")
)

package process

import "errors"

var (
	// ErrPortBusy says that the address for HTTP is taken.
	ErrPortBusy = errors.New("process: address is taken")
	// ErrSameName says that two workers of the process have one name.
	ErrSameName = errors.New("process: two workers have one name")
	// ErrConnectionLost says that NATS closed a connection for good.
	ErrConnectionLost = errors.New("process: connection to NATS is closed for good")
	// ErrWorkerFailed says that a worker could not go on.
	ErrWorkerFailed = errors.New("process: worker cannot go on")
)

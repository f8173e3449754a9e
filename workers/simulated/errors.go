package simulated

import "errors"

// ErrConfig is a configuration that describes no chain.
var ErrConfig = errors.New("simulated: invalid configuration")

// ErrUntrue is something said of a transaction that is not so.
var ErrUntrue = errors.New("simulated: not the truth")

// errOutage is what an outage shows in the health.
var errOutage = errors.New("simulated: the chain cannot be reached")

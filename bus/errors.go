package bus

import "errors"

// Errors of the contract. Each is one wire code; see [CodeOf].
var (
	ErrInvalid     = errors.New("bus: invalid request")
	ErrNotFound    = errors.New("bus: no such tracker")
	ErrConflict    = errors.New("bus: transaction ID is taken by another start")
	ErrExists      = errors.New("bus: tracker exists")
	ErrCrashed     = errors.New("bus: tracker crashed while serving the request")
	ErrTooLarge    = errors.New("bus: too large")
	ErrOverloaded  = errors.New("bus: overloaded")
	ErrInternal    = errors.New("bus: internal error")
	ErrUnavailable = errors.New("bus: unavailable")
	ErrTimeout     = errors.New("bus: timed out")
)

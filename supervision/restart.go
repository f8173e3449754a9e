package supervision

import "errors"

// Restart says after which reasons a child is started again.
type Restart uint8

const (
	// Transient restarts after a crash, not after ErrNormal or ErrShutdown. It is the default.
	Transient Restart = iota
	// Permanent always restarts.
	Permanent
	// Temporary never restarts.
	Temporary
)

func (r Restart) String() string {
	switch r {
	case Transient:
		return "transient"
	case Permanent:
		return "permanent"
	case Temporary:
		return "temporary"
	}
	return "unknown"
}

// After reports whether a child that ended with reason is started again.
func (r Restart) After(reason error) bool {
	switch r {
	case Permanent:
		return true
	case Temporary:
		return false
	}
	return !onPurpose(reason)
}

// onPurpose tells an end from a crash.
func onPurpose(reason error) bool {
	return errors.Is(reason, ErrNormal) || errors.Is(reason, ErrShutdown)
}

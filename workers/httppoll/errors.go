package httppoll

import "errors"

var (
	// ErrRunning means that Run was called while it ran.
	ErrRunning = errors.New("httppoll: runs already")

	errTooLarge  = errors.New("the answer is too large")
	errElsewhere = errors.New("redirected elsewhere, or in circles, which is not followed")
	errPrivate   = errors.New("the host's address is private or reserved; allow_private would allow it")
)

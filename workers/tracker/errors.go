package tracker

import "errors"

var (
	// ErrRecord means that bytes are not a record: malformed JSON, no valid transaction ID, or a word in a field where this
	// version knows none such.
	ErrRecord = errors.New("tracker: bad record")

	// ErrSchema means that a record was written by a version whose records this one must not touch.
	ErrSchema = errors.New("tracker: record of a newer schema")
)

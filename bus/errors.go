package bus

import (
	"errors"
	"fmt"
	"time"
)

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

// ErrPermission says that the server refuses what the connection's user has no permission for.
var ErrPermission = errors.New("bus: a permission is missing")

// ErrReplySubject says that a request's reply subject is no inbox, so that nothing was sent there.
var ErrReplySubject = errors.New("bus: reply subject is not an inbox")

// Error is the wire form of an error; in Go it Is the sentinel of its code.
type Error struct {
	Code         Code    `json:"code"`
	Message      string  `json:"message"`
	Field        string  `json:"field,omitempty"`          // the first faulty field
	Details      []Fault `json:"details,omitempty"`        // every fault of the request
	RetryAfterMS int64   `json:"retry_after_ms,omitempty"` // with CodeOverloaded: come back then
}

// Fault is one thing wrong with one field of a request. Field is a path such as "labels.team" or "items[3].timeout",
// and empty if the body as a whole is wrong.
type Fault struct {
	Field   string `json:"field"`
	Message string `json:"message"`
}

// Errorf returns an error with that code and text.
func Errorf(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: clip(fmt.Sprintf(format, args...), maxMessageBytes)}
}

// Invalid returns a [CodeInvalid] error that carries every fault.
func Invalid(all ...Fault) *Error { return faulty(CodeInvalid, all) }

// Conflict returns the [CodeConflict] error of a start whose fields differ from those of the tracker that has its ID.
func Conflict(fields ...string) *Error {
	all := make([]Fault, len(fields))
	for i, field := range fields {
		all[i] = Fault{Field: field, Message: "differs from the start that has this transaction ID"}
	}
	return faulty(CodeConflict, all)
}

// Overloaded returns a [CodeOverloaded] error that asks the caller to come back after that time, rounded up to 1 ms.
func Overloaded(after time.Duration) *Error {
	ms := (after + time.Millisecond - 1).Milliseconds()
	return &Error{Code: CodeOverloaded, Message: "too many requests", RetryAfterMS: max(ms, 1)}
}

func faulty(code Code, all []Fault) *Error {
	e := &Error{Code: code, Message: string(code), Details: all}
	if len(all) == 0 {
		return e
	}
	e.Field, e.Message = all[0].Field, all[0].Message
	if e.Field != "" {
		e.Message = e.Field + ": " + e.Message
	}
	if more := len(all) - 1; more > 0 {
		e.Message = fmt.Sprintf("%s (and %d more)", e.Message, more)
	}
	e.Message = clip(e.Message, maxMessageBytes)
	return e
}

// Error returns the code and the message.
func (e *Error) Error() string { return "bus: " + string(e.Code) + ": " + e.Message }

// Is reports whether target is the sentinel of the code.
func (e *Error) Is(target error) bool { return e != nil && target == e.Code.Sentinel() }

// Number returns the HTTP-like number of the code.
func (e *Error) Number() int { return e.Code.Number() }

// RetryAfter returns how long the answering side asks to be left alone; 0 if it did not say.
func (e *Error) RetryAfter() time.Duration {
	return time.Duration(min(max(e.RetryAfterMS, 0), maxRetryAfterMS)) * time.Millisecond
}

// maxRetryAfterMS keeps a hostile retry_after_ms from overflowing a time.Duration.
const maxRetryAfterMS = int64(24 * time.Hour / time.Millisecond)

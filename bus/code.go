package bus

import (
	"context"
	"errors"
	"strings"

	"github.com/nats-io/nats.go"
)

// Code names an error on the wire.
type Code string

// The values of [Code], in the order of their numbers.
const (
	CodeInvalid     Code = "invalid"
	CodeNotFound    Code = "not_found"
	CodeConflict    Code = "conflict"
	CodeExists      Code = "exists"
	CodeCrashed     Code = "crashed"
	CodeTooLarge    Code = "too_large"
	CodeOverloaded  Code = "overloaded"
	CodeInternal    Code = "internal"
	CodeUnavailable Code = "unavailable"
	CodeTimeout     Code = "timeout"
)

// codes is the one table of errors: the wire code, its HTTP-like number and the sentinel in Go.
var codes = []struct {
	code     Code
	number   int
	sentinel error
}{
	{CodeInvalid, 400, ErrInvalid},
	{CodeNotFound, 404, ErrNotFound},
	{CodeConflict, 409, ErrConflict},
	{CodeExists, 409, ErrExists},
	{CodeCrashed, 410, ErrCrashed},
	{CodeTooLarge, 413, ErrTooLarge},
	{CodeOverloaded, 429, ErrOverloaded},
	{CodeInternal, 500, ErrInternal},
	{CodeUnavailable, 503, ErrUnavailable},
	{CodeTimeout, 504, ErrTimeout},
}

// Codes returns every code of the contract, in the order of their numbers.
func Codes() []Code {
	all := make([]Code, len(codes))
	for i, row := range codes {
		all[i] = row.code
	}
	return all
}

// Number returns the HTTP-like number of c, 500 for a code that the contract does not know.
func (c Code) Number() int {
	for _, row := range codes {
		if row.code == c {
			return row.number
		}
	}
	return 500
}

// Sentinel returns the error of this package that stands for c, [ErrInternal] for a code that the contract does not know.
func (c Code) Sentinel() error {
	for _, row := range codes {
		if row.code == c {
			return row.sentinel
		}
	}
	return ErrInternal
}

// codeOfNumber returns the first code with that number, [CodeInternal] if there is none.
func codeOfNumber(number int) Code {
	for _, row := range codes {
		if row.number == number {
			return row.code
		}
	}
	return CodeInternal
}

// CodeOf returns the wire code of err: that of the [*Error] or sentinel that it wraps. No responders, no connection, a lost
// partition, a closed journal and a cancelled context are [CodeUnavailable], a passed deadline and an unknown outcome are
// [CodeTimeout], anything else is [CodeInternal]. The code of nil is empty.
func CodeOf(err error) Code {
	if err == nil {
		return ""
	}
	var wire *Error
	if errors.As(err, &wire) && wire != nil {
		return wire.Code
	}
	for _, row := range codes {
		if errors.Is(err, row.sentinel) {
			return row.code
		}
	}
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, nats.ErrTimeout), errors.Is(err, ErrUnknownOutcome):
		return CodeTimeout
	case errors.Is(err, context.Canceled), errors.Is(err, nats.ErrNoResponders), errors.Is(err, nats.ErrConnectionClosed),
		errors.Is(err, nats.ErrConnectionDraining), errors.Is(err, nats.ErrDisconnected),
		errors.Is(err, nats.ErrReconnectBufExceeded), errors.Is(err, ErrFenced), errors.Is(err, ErrClosed):
		return CodeUnavailable
	case errors.Is(err, nats.ErrMaxPayload):
		return CodeTooLarge
	}
	return CodeInternal
}

// WireError returns what of err crosses the wire: the [*Error] that it wraps, or one made from its code and text. The
// text of an error without a code stays here, since nobody knows what it would give away; log it. WireError of nil is nil.
func WireError(err error) *Error {
	if err == nil {
		return nil
	}
	var wire *Error
	if errors.As(err, &wire) && wire != nil {
		return wire
	}
	code := CodeOf(err)
	message := clip(strings.TrimPrefix(err.Error(), "bus: "), maxMessageBytes)
	switch {
	case code == CodeInternal && !errors.Is(err, ErrInternal):
		message = "internal error"
	case code == CodeTimeout && !errors.Is(err, ErrTimeout):
		message = "timed out"
	case code == CodeUnavailable && !errors.Is(err, ErrUnavailable):
		message = "unavailable"
	}
	return &Error{Code: code, Message: message}
}

package jsonrpc

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// Errors of this package; test with errors.Is.
var (
	// ErrTooLarge is a body beyond MaxBody.
	ErrTooLarge = errors.New("jsonrpc: answer is too large")
	// ErrGarbage is a body that is no JSON-RPC answer.
	ErrGarbage = errors.New("jsonrpc: answer is not JSON-RPC")
	// ErrNoAnswer is a call of a batch that the server answered in part, without this call.
	ErrNoAnswer = errors.New("jsonrpc: no answer to this call")
	// ErrPaced is the server asking to slow down; see [PacedError].
	ErrPaced = errors.New("jsonrpc: told to slow down")
)

// Error is the server's error answer to one call.
type Error struct {
	Code    int             `json:"code"`
	Message string          `json:"message"`
	Data    json.RawMessage `json:"data,omitempty"`
}

// Error says code and message. The message is shortened and holds no secret of the URL.
func (e *Error) Error() string { return fmt.Sprintf("jsonrpc: server error %d: %s", e.Code, e.Message) }

// PacedError is the server asking to slow down until Until. It is [ErrPaced].
type PacedError struct{ Until time.Time }

// Error says that the server asked to slow down.
func (e *PacedError) Error() string { return ErrPaced.Error() }

// Is reports whether target is [ErrPaced].
func (e *PacedError) Is(target error) bool { return target == ErrPaced }

// StatusError is an HTTP status other than 200 that carries no JSON-RPC answer.
type StatusError struct{ Status int }

// Error says the status.
func (e *StatusError) Error() string { return fmt.Sprintf("jsonrpc: http status %d", e.Status) }

// transportError keeps the text of a network error, cleared of secrets, and its cause only where that is a context's.
type transportError struct {
	text  string
	cause error
}

func (e *transportError) Error() string { return "jsonrpc: " + e.text }
func (e *transportError) Unwrap() error { return e.cause }

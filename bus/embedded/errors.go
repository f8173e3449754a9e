package embedded

import "errors"

// Why a server could not be started; the errors that wrap them say what to do about it.
var (
	ErrPortBusy  = errors.New("embedded: port is taken")
	ErrStoreBusy = errors.New("embedded: store is used by another server")
	ErrNotReady  = errors.New("embedded: server did not get ready")
)

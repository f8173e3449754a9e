package registry

import "errors"

var (
	// ErrNotOwner is returned by [Table.Update] to everyone but the owner of the key, also when nobody owns it.
	ErrNotOwner = errors.New("registry: not the owner")

	// ErrOverrun is returned by [Listener.Next] when events after the given sequence have been overwritten.
	// List the registry again and resume at [Listener.Last] as read before listing.
	ErrOverrun = errors.New("registry: listener overrun")

	// ErrListenerClosed is returned by [Listener.Next] once a closed listener has no more events.
	ErrListenerClosed = errors.New("registry: listener closed")
)

package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"trackerfleet/bus"
	"trackerfleet/bus/embedded"
)

// explain returns what to print of err: what happened and, where that is known, what to do about it.
func explain(err error) string {
	text := err.Error()
	var wire *bus.Error
	if errors.As(err, &wire) && len(wire.Details) > 1 {
		for _, d := range wire.Details {
			text += fmt.Sprintf("\n  %s: %s", d.Field, d.Message)
		}
	}
	if hint := hintFor(err); hint != "" {
		text += "\n  " + hint
	}
	return text
}

func hintFor(err error) string {
	switch {
	case errors.Is(err, errConnect):
		return "name the server with --server, or run `tracker dev` for one of your own"
	case errors.Is(err, jetstream.ErrJetStreamNotEnabled), errors.Is(err, nats.ErrJetStreamNotEnabled):
		return "that nats-server runs without JetStream: start it with -js, or with a jetstream {} block in its configuration"
	case errors.Is(err, nats.ErrNoResponders), errors.Is(err, bus.ErrUnavailable):
		return "no worker is ready to answer: start one with `tracker worker`, or see `tracker fleet`"
	case errors.Is(err, bus.ErrTimeout):
		return "no answer came in time: it may or may not have been done; --timeout waits longer"
	case errors.Is(err, embedded.ErrPortBusy):
		return "--port 4322 takes another port, --port 0 any free one"
	case errors.Is(err, embedded.ErrStoreBusy):
		return "--data names another folder"
	case errors.Is(err, errUsage) && !strings.Contains(err.Error(), "--help"):
		return "tracker --help shows what there is"
	}
	return ""
}

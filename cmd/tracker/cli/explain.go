package cli

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"trackerfleet/bus"
	"trackerfleet/bus/embedded"
	"trackerfleet/cmd/tracker/process"
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
		return "--server names another one"
	case errors.Is(err, jetstream.ErrJetStreamNotEnabled), errors.Is(err, nats.ErrJetStreamNotEnabled):
		return "that nats-server runs without JetStream: start it with -js, or with a jetstream {} block in its configuration"
	case errors.Is(err, nats.ErrNoResponders), errors.Is(err, bus.ErrUnavailable):
		return "no worker is ready to answer: start one with `tracker worker`, or see `tracker fleet`"
	case errors.Is(err, bus.ErrTimeout):
		return "no answer came in time: it may or may not have been done; --timeout waits longer"
	case errors.Is(err, embedded.ErrPortBusy):
		return heldBy(err) + "--port 4322 takes another port, --port 0 any free one"
	case errors.Is(err, process.ErrPortBusy):
		return heldBy(err) + "--http 127.0.0.1:0 takes any free one"
	case errors.Is(err, embedded.ErrStoreBusy):
		return "--data names another folder"
	case errors.Is(err, errUsage) && !strings.Contains(err.Error(), "--help"):
		return "tracker --help shows what there is"
	}
	return ""
}

var addressPort = regexp.MustCompile(`\d:(\d{1,5})\b`)

// heldBy says which process has the port that err names, as far as that can be seen.
func heldBy(err error) string {
	match := addressPort.FindStringSubmatch(err.Error())
	if match == nil {
		return ""
	}
	port, _ := strconv.Atoi(match[1])
	if holder := portHolder(port); holder != "" {
		return "it is held by " + holder + "; "
	}
	return ""
}

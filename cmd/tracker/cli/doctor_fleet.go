package cli

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"trackerfleet/bus"
	"trackerfleet/cmd/tracker/config"
	"trackerfleet/workers/source"
)

// diagnoseWorkers asks the fleet who is alive, what is owned by nobody, and what waits.
func diagnoseWorkers(ctx context.Context, nc *nats.Conn, s *config.Loaded) []finding {
	var reply bus.FleetReply
	_, err := nc.RequestWithContext(ctx, bus.SubjectFleet, []byte("{}")) // a client would ask again for as long as it may
	if !errors.Is(err, nats.ErrNoResponders) {
		var client *bus.Client
		if client, err = bus.NewClient(nc, bus.ClientConfig{Timeout: s.Timeout}); err == nil {
			reply, err = client.Fleet(ctx)
		}
	}
	if err != nil {
		return []finding{about(aboutFleet, "", source.Faulty, "no worker answers: "+oneLine(err), "start one with `tracker worker`, or see why those that run are not ready: `tracker check ready`")}
	}
	return fleetFindings(reply, time.Now())
}

// fleetFindings says what a fleet's answer means.
func fleetFindings(r bus.FleetReply, now time.Time) []finding {
	var found []finding
	say := func(subject string, severity source.Severity, message, remedy string) {
		found = append(found, about(aboutFleet, subject, severity, message, remedy))
	}
	alive, versions := 0, map[string]bool{}
	for _, w := range r.Workers {
		switch {
		case !w.Alive:
			say(w.Worker, source.Warning, fmt.Sprintf("silent for %v", now.Sub(w.HeartbeatAt).Round(time.Second)),
				"if it was meant to run: see its log, and its network to NATS")
			continue
		case w.Draining:
			say(w.Worker, source.Warning, fmt.Sprintf("leaves the fleet, and has %d partitions still", w.Partitions), "")
		default:
			say(w.Worker, source.OK, fmt.Sprintf("alive, version %s, %d partitions, %d trackers", w.Version, w.Partitions, w.Trackers), "")
		}
		alive++
		versions[w.Version] = true
	}
	if alive == 1 {
		say("", source.Warning, "there is one worker: while it is down nothing is followed", "run two at least")
	}
	if len(versions) > 1 {
		say("", source.Warning, "the workers are of several versions: "+strings.Join(slices.Sorted(maps.Keys(versions)), ", "), "finish the deployment")
	}
	if n := unserved(r); n > 0 {
		say("", source.Faulty, fmt.Sprintf("%d of %d partitions have no owner that lives: their transactions are not followed now", n, len(r.Partitions)),
			"wait for a lease, in which the others take them over; if it stays so, see the logs of the workers")
	}
	if n := r.Counts.ByPhase[bus.PhaseParked]; n > 0 {
		say("", source.Warning, fmt.Sprintf("%d trackers are parked", n),
			"`tracker list phase:parked` shows them, `tracker lookup` why, and `tracker retry` brings one back")
	}
	if n := r.Counts.ByPhase[bus.PhaseBackoff]; n > 0 {
		say("", source.Warning, fmt.Sprintf("%d trackers have crashed and wait for their restart", n), "`tracker list phase:backoff` shows them")
	}
	if r.StartBacklog > 0 {
		say("", source.Warning, fmt.Sprintf("%d accepted starts wait to be tracked", r.StartBacklog), "ask again in a while: if it grows, add workers")
	}
	say("", source.OK, fmt.Sprintf("%d trackers", r.Counts.Total), "")
	return found
}

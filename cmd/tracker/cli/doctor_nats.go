package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"trackerfleet/bus"
	"trackerfleet/cmd/tracker/config"
	"trackerfleet/cmd/tracker/connect"
	"trackerfleet/workers/source"
)

// What the findings of the fleet are about.
const (
	aboutNATS    = "nats"
	aboutStreams = "streams"
	aboutFleet   = "fleet"
)

// clockWarning and clockFault are how far the clocks of this machine and the server may be apart: deadlines are dates.
const (
	clockWarning = time.Second
	clockFault   = time.Minute
)

// diagnoseFleet checks the connection, the streams, and who answers.
func diagnoseFleet(ctx context.Context, s *config.Loaded) []finding {
	cfg, err := connect.Config(s)
	if err != nil {
		return []finding{about(aboutNATS, "", source.Faulty, "cannot be connected to: "+oneLine(err), "see server, creds, user, nkey and tls of the configuration")}
	}
	cfg.Options = append(cfg.Options, nats.RetryOnFailedConnect(false))
	nc, err := bus.Connect(ctx, cfg)
	if err != nil {
		return []finding{about(aboutNATS, "", source.Faulty, "cannot be connected to: "+oneLine(err), "see whether nats-server runs there; --server names another one")}
	}
	defer nc.Close()
	found := []finding{connected(nc)}
	js, err := jetstream.New(nc)
	if err != nil {
		return append(found, about(aboutNATS, "JetStream", source.Faulty, oneLine(err), ""))
	}
	found = append(found, diagnoseStreams(ctx, js, s)...)
	return append(found, diagnoseWorkers(ctx, nc, s)...)
}

// connected says where to, and how far that is.
func connected(nc *nats.Conn) finding {
	text := fmt.Sprintf("connected to %s, nats-server %s", nc.ConnectedUrlRedacted(), nc.ConnectedServerVersion())
	if rtt, err := nc.RTT(); err == nil {
		text += fmt.Sprintf(", %v away", rtt.Round(10*time.Microsecond))
	}
	return about(aboutNATS, "", source.OK, text, "")
}

// diagnoseStreams checks that the streams are there, are as workers need them, and have room and all of their replicas.
func diagnoseStreams(ctx context.Context, js jetstream.JetStream, s *config.Loaded) []finding {
	settings := bus.AssetSettings{Replicas: s.Streams.Replicas}
	var found []finding
	err := bus.EnsureAssets(ctx, js, bus.AssetsVerify, settings)
	for _, fault := range eachOf(err) {
		remedy := "`tracker streams print` shows how they must be"
		var missing *bus.MissingError
		if errors.As(fault, &missing) {
			remedy = "`tracker streams create` makes it, and so does a worker with manage_assets: create"
		} else if hint := hintFor(fault); hint != "" {
			remedy = hint
		}
		found = append(found, about(aboutStreams, "", source.Faulty, oneLine(fault), remedy))
	}
	if err == nil {
		found = append(found, about(aboutStreams, "", source.OK, "all are there, as workers need them", ""))
		if err := bus.CheckRoom(ctx, js); err != nil {
			found = append(found, about(aboutStreams, "", source.Faulty, oneLine(err), "raise the stream's max_bytes or the server's max_file_store"))
		}
	}
	for _, want := range bus.Assets(settings) {
		asked := time.Now()
		stream, err := js.Stream(ctx, want.Name)
		if err != nil {
			continue // said above
		}
		info := stream.CachedInfo()
		if want.Name == bus.StreamTracker {
			found = append(found, clocks(info.TimeStamp, asked, time.Now()))
		}
		found = append(found, replicas(info))
		if want.Name == bus.StreamRejected && info.State.Msgs > 0 {
			found = append(found, about(aboutStreams, want.Name, source.Warning,
				fmt.Sprintf("holds %d starts that could not be understood, the newest of %s", info.State.Msgs, info.State.LastTime.UTC().Format(time.RFC3339)),
				"`nats stream view "+bus.StreamRejected+"` shows them with what is wrong with each"))
		}
	}
	return found
}

// clocks compares the server's time with the time here, between which it was asked.
func clocks(server, asked, answered time.Time) finding {
	var apart time.Duration
	switch {
	case server.Before(asked):
		apart = asked.Sub(server)
	case server.After(answered):
		apart = server.Sub(answered)
	}
	text := fmt.Sprintf("the clocks of this machine and the server are %v apart", apart.Round(time.Millisecond))
	switch {
	case server.IsZero():
		return about(aboutNATS, "clock", source.Warning, "the server does not say what time it is", "")
	case apart >= clockFault:
		return about(aboutNATS, "clock", source.Faulty, text, "synchronise them: deadlines and expiries are dates")
	case apart >= clockWarning:
		return about(aboutNATS, "clock", source.Warning, text, "synchronise them: deadlines and expiries are dates")
	}
	return about(aboutNATS, "clock", source.OK, "the clocks of this machine and the server agree", "")
}

// replicas says on how many servers a stream is, and whether all of them are up to date.
func replicas(info *jetstream.StreamInfo) finding {
	name, n := info.Config.Name, info.Config.Replicas
	if n <= 1 {
		return about(aboutStreams, name, source.OK, "on one server: what is stored is as safe as its disk, and stands still while it is down", "")
	}
	var behind []string
	if c := info.Cluster; c == nil || c.Leader == "" {
		return about(aboutStreams, name, source.Faulty, "has no leader: nothing can be stored", "see whether most of the servers of the cluster run")
	}
	for _, r := range info.Cluster.Replicas {
		switch {
		case r.Offline:
			behind = append(behind, r.Name+" is offline")
		case !r.Current:
			behind = append(behind, fmt.Sprintf("%s is %d behind", r.Name, r.Lag))
		}
	}
	if len(behind) > 0 {
		return about(aboutStreams, name, source.Warning, fmt.Sprintf("%d replicas, of which %s", n, strings.Join(behind, ", ")), "see whether those servers run")
	}
	return about(aboutStreams, name, source.OK, fmt.Sprintf("%d replicas, all up to date", n), "")
}

// eachOf returns the errors that err joins.
func eachOf(err error) []error {
	if err == nil {
		return nil
	}
	var all []error
	if joined, ok := err.(interface{ Unwrap() []error }); ok && strings.Contains(err.Error(), "\n") {
		for _, e := range joined.Unwrap() {
			all = append(all, eachOf(e)...)
		}
		return all
	}
	return []error{err}
}

// oneLine returns the text of err without line breaks.
func oneLine(err error) string { return strings.Join(strings.Fields(err.Error()), " ") }

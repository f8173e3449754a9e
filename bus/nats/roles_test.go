package nats_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"trackerfleet/bus"
)

// verbs are what a caller asks.
var verbs = []string{
	bus.SubjectSpawn, bus.SubjectLookup, bus.SubjectCall, bus.SubjectStop, bus.SubjectRetry, bus.SubjectList, bus.SubjectFleet,
}

// consumers returns the requests that read a stream through a consumer, made by create.
func consumers(stream string, create ...string) []string {
	out := []string{
		"$JS.API.CONSUMER.INFO." + stream + ".c", "$JS.API.CONSUMER.DELETE." + stream + ".c", "$JS.API.CONSUMER.MSG.NEXT." + stream + ".c",
	}
	for _, rest := range create {
		out = append(out, "$JS.API.CONSUMER.CREATE."+stream+".c"+rest)
	}
	return out
}

// asking is what both callers and operators publish.
var asking = slices.Concat(verbs, []string{"tracker.fleet.p.85.lookup.txn_1", "$SRV.PING", "$SRV.INFO.tracker", "$SRV.STATS.tracker.id"})

var streams = []string{bus.StreamTracker, bus.StreamStarts, bus.StreamRejected}

// onStreams returns a request about each stream.
func onStreams(request string) (out []string) {
	for _, stream := range streams {
		out = append(out, "$JS.API.STREAM."+request+"."+stream)
	}
	return out
}

// mayPublish is who publishes what; everything else in everything is refused.
var mayPublish = map[string][]string{
	"publisher": {bus.SubjectStart, "tracker.start.txn_1"},
	"caller":    asking,
	"events":    slices.Concat([]string{"$JS.API.STREAM.INFO.TRACKER", "$JS.ACK.TRACKER.c.1.1.1.1.1"}, consumers(bus.StreamTracker, ".tracker.events.>", ".tracker.events.txn_1.>", ".tracker.events.*.confirmed.*")),
	"worker": slices.Concat(
		[]string{
			bus.HeartbeatSubject("w-1"), bus.OwnerSubject(85), bus.CursorStarts, bus.StateSubject(txn), bus.EventSubject(txn, "started", 1),
			bus.RejectedSubject("invalid"), "tracker.fleet.p.85.lookup.txn_1", "tracker.fleet.w.w-1.list",
			"_INBOX_caller.a", "_INBOX_operator.a", "_INBOX_provisioner.a", "_INBOX_worker.a", "$JS.API.INFO",
			"$JS.API.STREAM.MSG.GET.TRACKER", "$JS.API.DIRECT.GET.TRACKER", "$JS.API.DIRECT.GET.TRACKER.tracker.fleet.owner.1",
			"$JS.API.STREAM.PURGE.TRACKER_STARTS",
		},
		onStreams("INFO"),
		consumers(bus.StreamTracker, "", ".tracker.fleet.owner.*"), consumers(bus.StreamStarts, ""),
	),
	"operator": slices.Concat(
		asking, []string{bus.SubjectDrain, bus.SubjectStart, "tracker.start.txn_1", "$JS.API.STREAM.INFO.TRACKER_REJECTED"},
		consumers(bus.StreamRejected, ".tracker.rejected.>"),
	),
	"provisioner": slices.Concat([]string{"$JS.API.INFO", bus.SubjectFleet}, onStreams("INFO"), onStreams("CREATE"), onStreams("UPDATE")),
}

// maySubscribe is who subscribes to what, apart from the inbox of the role.
var maySubscribe = map[string][]string{
	"worker": slices.Concat(verbs, []string{
		bus.SubjectDrain, bus.SubjectHeartbeats, "tracker.fleet.p.85.*.*", "tracker.fleet.w.w-1.*", "$SRV.PING", "$SRV.INFO.tracker", "$SRV.STATS.tracker.id",
	}),
}

// never is what no role publishes: each is a way to power that nobody needs.
var never = slices.Concat(
	onStreams("DELETE"), onStreams("MSG.DELETE"), onStreams("SNAPSHOT"), onStreams("RESTORE"), onStreams("LEADER.STEPDOWN"),
	[]string{
		"$JS.API.STREAM.PURGE.TRACKER", "$JS.API.STREAM.PURGE.TRACKER_REJECTED", "$JS.API.STREAM.CREATE.OTHER", "$JS.API.STREAM.NAMES", "$JS.API.STREAM.LIST",
		"$JS.API.CONSUMER.NAMES.TRACKER", "$JS.API.CONSUMER.LIST.TRACKER", "$JS.API.CONSUMER.DURABLE.CREATE.TRACKER.c",
		"$JS.API.CONSUMER.CREATE.TRACKER_REJECTED.c", "$JS.API.CONSUMER.CREATE.TRACKER.c.>", "$JS.API.META.LEADER.STEPDOWN",
		"$SYS.REQ.SERVER.PING", "$SYS.REQ.USER.INFO", "other", "tracker", "tracker.other", "tracker.start.a.b", "tracker.events.a.b", "_INBOX.a",
		"_INBOX_publisher.a", "_INBOX_events.a", "_R_.a",
	},
)

// neverHeard is what no role subscribes to.
var neverHeard = []string{
	">", "*", "tracker.>", "tracker.*", "_INBOX.>", "_INBOX_*.>", "$JS.>", "$JS.API.>", "$SYS.>", "tracker.start", "tracker.start.*", "tracker.events.>", "tracker.rejected.*", "other",
}

var txn = func() bus.ID {
	id, err := bus.ParseID("txn_1")
	if err != nil {
		panic(err)
	}
	return id
}()

// TestRoles tries every role on every subject, both ways.
func TestRoles(t *testing.T) {
	url := start(t, options(t, "nats.conf"))
	publish, subscribe := slices.Clone(never), slices.Clone(neverHeard)
	for _, role := range roles {
		publish = append(publish, mayPublish[role]...)
		subscribe = append(subscribe, maySubscribe[role]...)
		subscribe = append(subscribe, "_INBOX_"+role+".>")
	}
	slices.Sort(publish)
	slices.Sort(subscribe)
	publish, subscribe = slices.Compact(publish), slices.Compact(subscribe)
	for _, role := range roles {
		t.Run(role, func(t *testing.T) {
			c := dial(t, url, role)
			for _, subject := range publish {
				want := slices.Contains(mayPublish[role], subject)
				if got := c.publishes(t, subject); got != want {
					t.Errorf("publish %s: allowed %v, want %v", subject, got, want)
				}
			}
			for _, subject := range subscribe {
				want := slices.Contains(maySubscribe[role], subject) || subject == "_INBOX_"+role+".>"
				if got := c.subscribes(t, subject); got != want {
					t.Errorf("subscribe %s: allowed %v, want %v", subject, got, want)
				}
			}
		})
	}
}

// publishes reports whether the server takes a message to subject. The body is no request, so that it does nothing.
func (c *client) publishes(t *testing.T, subject string) bool {
	t.Helper()
	if err := c.Publish(subject, []byte("]")); err != nil {
		t.Fatalf("%s: %v", subject, err)
	}
	return c.allowed(t)
}

func (c *client) subscribes(t *testing.T, subject string) bool {
	t.Helper()
	sub, err := c.SubscribeSync(subject)
	if err != nil {
		t.Fatalf("%s: %v", subject, err)
	}
	allowed := c.allowed(t)
	if err := sub.Unsubscribe(); err != nil && allowed {
		t.Fatalf("%s: %v", subject, err)
	}
	return allowed
}

// allowed reports whether what was sent last was not refused: the server speaks of it before it answers the next ping.
func (c *client) allowed(t *testing.T) bool {
	t.Helper()
	if err := c.FlushTimeout(10 * time.Second); err != nil {
		t.Fatal(err)
	}
	last := c.last
	c.last = c.LastError() // each refusal is an error of its own
	return c.last == last || !errors.Is(c.last, nats.ErrPermissionViolation)
}

// TestQueueGroupsAreNoWayAround: a role that may not subscribe may not do so in a queue group either, where it would take
// requests away from workers.
func TestQueueGroupsAreNoWayAround(t *testing.T) {
	url := start(t, options(t, "nats.conf"))
	for _, role := range roles {
		c := dial(t, url, role)
		if _, err := c.QueueSubscribeSync(bus.SubjectLookup, "q"); err != nil {
			t.Fatal(err)
		}
		if got, want := c.allowed(t), role == "worker"; got != want {
			t.Errorf("%s: allowed %v, want %v", role, got, want)
		}
	}
}

// TestEventReadersReadEventsOnly: the server holds a consumer to the filter in the subject of the request that makes it.
func TestEventReadersReadEventsOnly(t *testing.T) {
	url := start(t, options(t, "nats.conf"))
	provision(t, url)
	c := dial(t, url, "events")
	for _, body := range []string{
		`{"stream_name":"TRACKER","config":{"name":"c","filter_subject":"tracker.fleet.>","ack_policy":"none"}}`,
		`{"stream_name":"TRACKER","config":{"name":"c","filter_subject":">","ack_policy":"none"}}`,
		`{"stream_name":"TRACKER","config":{"name":"c","ack_policy":"none"}}`,
		`{"stream_name":"TRACKER","config":{"name":"c","filter_subjects":["tracker.events.>","tracker.fleet.>"],"ack_policy":"none"}}`,
		`{"stream_name":"TRACKER_STARTS","config":{"name":"c","filter_subject":"tracker.events.>","ack_policy":"none"}}`,
	} {
		m, err := c.Request("$JS.API.CONSUMER.CREATE.TRACKER.c.tracker.events.>", []byte(body), 5*time.Second)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(m.Data), `"error"`) {
			t.Errorf("%s: %s", body, m.Data)
		}
	}
}

package integration

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"trackerfleet/integration/checker"
	"trackerfleet/integration/process"
)

// patience is how long a test waits for something that must happen before it says that it doesn't.
const patience = 45 * time.Second

// client is a service of somebody else: NATS, JSON by hand, and the contract. It shares no code with the fleet.
type client struct {
	nc *nats.Conn
	js jetstream.JetStream
}

func newClient(t testing.TB, nc *nats.Conn) *client {
	t.Helper()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	return &client{nc: nc, js: js}
}

// reply is what the fleet answered: any verb's.
type reply struct {
	header nats.Header
	body   []byte

	Status  string  `json:"status"`
	Stale   bool    `json:"stale"`
	Tracker object  `json:"tracker"`
	Error   fault   `json:"error"`
	Items   []reply `json:"items"`

	Trackers []object `json:"trackers"`
	Cursor   string   `json:"cursor"`
}

// object is the contract's tracker object, as much of it as tests look at.
type object struct {
	ID          string `json:"transaction_id"`
	Source      string `json:"source"`
	Run         uint64 `json:"run"`
	Phase       string `json:"phase"`
	Status      string `json:"status"`
	Worker      string `json:"worker"`
	Partition   int    `json:"partition"`
	Epoch       uint64 `json:"epoch"`
	Incarnation uint64 `json:"incarnation"`
	Restarts    uint64 `json:"restarts"`
	LastError   *struct {
		At      time.Time
		Message string
	} `json:"last_error"`
	Labels map[string]string `json:"labels"`
	Meta   json.RawMessage   `json:"meta"`
	Result json.RawMessage   `json:"result"`
	Events uint64            `json:"events"`
}

// pid is the identity of a tracker's process, what a pid is in Elixir.
func (o object) pid() string { return fmt.Sprintf("#PID<%d.%d>", o.Epoch, o.Incarnation) }

// fault is the contract's error.
type fault struct {
	Code         string                            `json:"code"`
	Message      string                            `json:"message"`
	Field        string                            `json:"field"`
	Details      []struct{ Field, Message string } `json:"details"`
	RetryAfterMS int64                             `json:"retry_after_ms"`
}

// code returns the number of an error reply, 0 when it is none.
func (r reply) code() int {
	n, err := strconv.Atoi(r.header.Get("Nats-Service-Error-Code"))
	if err != nil {
		return 0
	}
	return n
}

// fields returns the names of all faulty fields.
func (f fault) fields() string {
	var names []string
	for _, d := range f.Details {
		names = append(names, d.Field)
	}
	return strings.Join(names, " ")
}

// try asks tracker.<verb> once.
func (c *client) try(ctx context.Context, verb, body string) (reply, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	msg, err := c.nc.RequestWithContext(ctx, "tracker."+verb, []byte(body))
	if err != nil {
		return reply{}, err
	}
	r := reply{header: msg.Header, body: msg.Data}
	if err := json.Unmarshal(msg.Data, &r); err != nil {
		return r, fmt.Errorf("reply of %s is not JSON: %w\n%s", verb, err, msg.Data)
	}
	return r, nil
}

// ask asks tracker.<verb> and wants an answer. As every client must, it asks again while the fleet says that it can't answer now.
func (c *client) ask(t testing.TB, verb, body string) (r reply) {
	t.Helper()
	process.Await(t, patience, func() (err error) {
		r, err = c.try(t.Context(), verb, body)
		if err == nil && (r.code() == 503 || r.code() == 429) {
			err = errors.New(string(r.body))
		}
		if err != nil {
			err = fmt.Errorf("tracker.%s %.200s: %w", verb, body, err)
		}
		return err
	})
	return r
}

// want asks tracker.<verb> and wants an answer with that status.
func (c *client) want(t testing.TB, status, verb, body string) reply {
	t.Helper()
	r := c.ask(t, verb, body)
	if r.Status != status {
		t.Fatalf("tracker.%s %.200s: want status %s, got %s", verb, body, status, r.body)
	}
	return r
}

// publish publishes to a stream and returns once it is stored.
func (c *client) publish(ctx context.Context, subject, body string) error {
	ack, err := c.js.PublishMsg(ctx, &nats.Msg{Subject: subject, Data: []byte(body)})
	if err != nil {
		return err
	}
	if ack.Stream != "TRACKER_STARTS" {
		return errors.New("acknowledged by " + ack.Stream)
	}
	return nil
}

// eventsUntil returns the events of a transaction in stream order up to the first one of a type, waiting for it.
func (c *client) eventsUntil(t testing.TB, id, eventType string) []checker.Event {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	consumer, err := c.js.OrderedConsumer(ctx, "TRACKER", jetstream.OrderedConsumerConfig{
		FilterSubjects: []string{"tracker.events." + tokenOf(id) + ".>"}, DeliverPolicy: jetstream.DeliverAllPolicy,
	})
	if err != nil {
		t.Fatal(err)
	}
	messages, err := consumer.Messages()
	if err != nil {
		t.Fatal(err)
	}
	defer messages.Stop()
	var events []checker.Event
	for {
		msg, err := messages.Next(jetstream.NextContext(ctx))
		if err != nil {
			t.Fatalf("no event %s of %s, only %v: %v", eventType, id, events, err)
		}
		meta, err := msg.Metadata()
		if err != nil {
			t.Fatal(err)
		}
		e := checker.ParseEvent(meta.Sequence.Stream, msg.Subject(), msg.Headers(), msg.Data())
		if len(e.Faults) > 0 {
			t.Errorf("event %s breaks the contract: %q", e, e.Faults)
		}
		if events = append(events, e); e.Type == eventType {
			return events
		}
	}
}

// last returns the last event of a type up to which eventsUntil waits.
func (c *client) last(t testing.TB, id, eventType string) checker.Event {
	t.Helper()
	events := c.eventsUntil(t, id, eventType)
	return events[len(events)-1]
}

// tokenOf spells a transaction ID as a subject's token.
func tokenOf(id string) string {
	const plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-:"
	if strings.Trim(id, plain) == "" {
		return id
	}
	return "=" + base64.RawURLEncoding.EncodeToString([]byte(id))
}

// quote writes s as a JSON string.
func quote(s string) string {
	b, err := json.Marshal(s)
	if err != nil {
		panic(err)
	}
	return string(b)
}

// types lists the types of events in order.
func types(events []checker.Event) string {
	var all []string
	for _, e := range events {
		all = append(all, e.Type)
	}
	return strings.Join(all, " ")
}

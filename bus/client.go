package bus

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// ClientConfig says how a [Client] asks. The zero value is good for most callers.
type ClientConfig struct {
	// Timeout is the deadline of a request whose context has none; 0: 5s. Events and Wait have no deadline of their own.
	Timeout time.Duration
	// Silence is how long an owner may take before a request that may be repeated is sent again; 0: 1s. It doubles with each
	// repetition. A lookup is sent again after a quarter of it. Stop, Retry, Drain and a call to crash are never repeated after
	// silence, only after an answer that says that nothing was done.
	Silence time.Duration
	// BackoffBase and BackoffCap bound the pauses between attempts, which double and are jittered; 0: 20ms and 500ms.
	BackoffBase, BackoffCap time.Duration
	// Recheck is how often Wait looks a tracker up beside reading its events; 0: 10s.
	Recheck time.Duration
	// PublicOnly asks through tracker.<verb> alone, for users who may not publish to tracker.fleet.p.>.
	PublicOnly bool
	// Parallel is how many bulk requests SpawnMany has in flight; 0: 8, twice as much as a journal writes at one time, so that what
	// it writes next is there when it is done.
	Parallel int
}

func (c ClientConfig) withDefaults() ClientConfig {
	for _, d := range []struct {
		value *time.Duration
		usual time.Duration
	}{
		{&c.Timeout, 5 * time.Second},
		{&c.Silence, time.Second},
		{&c.BackoffBase, 20 * time.Millisecond},
		{&c.BackoffCap, 500 * time.Millisecond},
		{&c.Recheck, 10 * time.Second},
	} {
		if *d.value == 0 {
			*d.value = d.usual
		}
	}
	if c.Parallel == 0 {
		c.Parallel = 8
	}
	return c
}

func (c ClientConfig) validate() error {
	var f faults
	for name, d := range map[string]time.Duration{
		"timeout": c.Timeout, "silence": c.Silence, "backoff_base": c.BackoffBase, "backoff_cap": c.BackoffCap, "recheck": c.Recheck,
	} {
		if d < 0 {
			f.add(name, "must not be below 0, got %s", d)
		}
	}
	if c.Parallel < 0 {
		f.add("parallel", "must not be below 0, got %d", c.Parallel)
	}
	return asError(f.err())
}

// Client speaks the contract for other services. It asks the owner of a transaction directly, in one hop, and while nobody
// can answer it asks again until the context of the call ends.
//
// Every method fails with an error that Is exactly one of the sentinels of the contract; [CodeOf] tells which:
// [ErrUnavailable] if until the deadline nobody could serve the request, so that nothing was done; [ErrTimeout] if it was
// sent and no answer came, so that it may have been done; and whatever the fleet answered. Data of the error is in an
// [*Error]. A cancelled context counts as [ErrUnavailable] or [ErrTimeout] by the same rule, and is wrapped.
//
// A Client is safe for concurrent use, starts no goroutine that outlives a call, and leaves the connection to its owner.
type Client struct {
	nc  *nats.Conn
	js  jetstream.JetStream
	cfg ClientConfig
}

// NewClient returns a client that uses nc. It fails with [ErrInvalid] if cfg is faulty.
func NewClient(nc *nats.Conn, cfg ClientConfig) (*Client, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	js, err := jetstream.New(nc)
	if err != nil {
		return nil, fmt.Errorf("bus: jetstream: %w", err)
	}
	return &Client{nc: nc, js: js, cfg: cfg.withDefaults()}, nil
}

// Spawn starts a tracker and returns once it is registered durably and running, or says which one is there.
// [SpawnCreated] may come back as [SpawnExisting] if the answer to a first attempt was lost. It fails with [ErrConflict] if
// the ID has a tracker of another source or other params, and with [ErrExists] if r asks so.
func (c *Client) Spawn(ctx context.Context, r StartRequest) (SpawnReply, error) {
	var reply SpawnReply
	body, err := new(startEncoder).encode(r)
	if err != nil {
		return reply, err
	}
	way := c.route("spawn", r.TransactionID, true)
	way.trace = r.Trace
	err = c.ask(ctx, way, body, &reply)
	return reply, err
}

// Lookup says where the tracker of id is and what its state is. It fails with [ErrNotFound] only if there surely is none;
// Stale is set if nobody owns the tracker now and the reply is its stored record.
func (c *Client) Lookup(ctx context.Context, id ID) (LookupReply, error) {
	var reply LookupReply
	r := c.route("lookup", id, true)
	r.fallback = true // any worker can answer from the stored record
	if err := c.askID(ctx, r, id, LookupRequest{id}, &reply); err != nil {
		return LookupReply{Status: lookupStatus(err)}, err
	}
	switch {
	case reply.Status == LookupFound && reply.Tracker != nil:
		return reply, nil
	case reply.Status == LookupNotFound:
		return reply, fmt.Errorf("%w: %q", ErrNotFound, id)
	}
	return reply, fmt.Errorf("%w: answer to a lookup has status %q", ErrInternal, reply.Status)
}

func lookupStatus(err error) LookupStatus {
	if errors.Is(err, ErrNotFound) {
		return LookupNotFound
	}
	return LookupUnavailable
}

// Call talks to the running tracker of id. It fails with [ErrNotFound] if there is none, and with [ErrCrashed] if it died
// while serving the call, as it does with [OpCrash].
func (c *Client) Call(ctx context.Context, id ID, op Op) (CallReply, error) {
	var reply CallReply
	err := c.askID(ctx, c.route("call", id, op != OpCrash), id, CallRequest{id, op}, &reply)
	return reply, err
}

// Stop ends the tracker of r, or makes it exit abnormally; see [StopRequest]. It fails with [ErrNotFound] if there is none.
func (c *Client) Stop(ctx context.Context, r StopRequest) (StopReply, error) {
	var reply StopReply
	err := c.askID(ctx, c.route("stop", r.TransactionID, false), r.TransactionID, r, &reply)
	return reply, err
}

// Retry brings a parked tracker back. It fails with [ErrNotFound] if there is none.
func (c *Client) Retry(ctx context.Context, r RetryRequest) (RetryReply, error) {
	var reply RetryReply
	err := c.askID(ctx, c.route("retry", r.TransactionID, false), r.TransactionID, r, &reply)
	return reply, err
}

// Fleet returns the workers, the owners of the partitions, and counts.
func (c *Client) Fleet(ctx context.Context) (FleetReply, error) {
	var reply FleetReply
	err := c.askAny(ctx, route{public: SubjectFleet, repeat: true}, FleetRequest{}, &reply)
	return reply, err
}

// Drain makes a worker hand over all its partitions and returns when it has. It can take long: give ctx a deadline to match.
// It fails with [ErrNotFound] if no such worker is alive.
func (c *Client) Drain(ctx context.Context, worker string) (DrainReply, error) {
	var reply DrainReply
	if err := CheckName(worker); err != nil {
		return reply, err
	}
	err := c.askAny(ctx, route{public: SubjectDrain}, DrainRequest{worker}, &reply)
	return reply, err
}

func (c *Client) askID(ctx context.Context, r route, id ID, request, reply any) error {
	if id.IsZero() {
		return Invalid(Fault{Field: "transaction_id", Message: "is required"})
	}
	return c.askAny(ctx, r, request, reply)
}

func (c *Client) askAny(ctx context.Context, r route, request, reply any) error {
	body, err := Encode(request)
	if err != nil {
		return err
	}
	return c.ask(ctx, r, body, reply)
}

package bus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
)

// DefaultLease is the silence after which peers take a worker's partitions over.
const DefaultLease = 3 * time.Second

// beatsPerLease is how often a worker says that it lives: several losses in a row cost nothing.
const beatsPerLease = 6

// PulseConfig says who beats.
type PulseConfig struct {
	Worker      string
	Incarnation string
	Lease       time.Duration // 0: [DefaultLease]
	// Describe fills what else a heartbeat says; nil: nothing. It is called before every beat and must not block.
	Describe func(*Heartbeat)
	// OnChange is called, from Run's goroutine, when a worker came or went, said something new of draining, or this worker
	// froze or thawed; it must not block. nil: nobody is told.
	OnChange func()
}

func (c PulseConfig) validate() error {
	var faults []error
	if err := checkSubject(HeartbeatSubject(c.Worker)); err != nil {
		faults = append(faults, fmt.Errorf("%w: worker name %q cannot stand in a subject", ErrInvalid, c.Worker))
	}
	if c.Incarnation == "" {
		faults = append(faults, fmt.Errorf("%w: incarnation is missing", ErrInvalid))
	}
	if c.Lease < 0 {
		faults = append(faults, fmt.Errorf("%w: lease %v is negative", ErrInvalid, c.Lease))
	}
	return errors.Join(faults...)
}

// Pulse sends a worker's heartbeats and listens to everybody's, its own included. Give it a connection of its own: a beat
// that waits behind other traffic looks like a dead worker.
type Pulse struct {
	nc  *nats.Conn
	cfg PulseConfig
	now func() time.Time
	due chan struct{} // 1: a beat is due out of the rhythm

	mu      sync.Mutex
	members *Membership
	beat    uint64
}

// NewPulse returns a pulse that beats once it runs. Until the first round trip it is frozen.
func NewPulse(nc *nats.Conn, cfg PulseConfig) (*Pulse, error) {
	if cfg.Lease == 0 {
		cfg.Lease = DefaultLease
	}
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	return &Pulse{
		nc: nc, cfg: cfg, now: time.Now, due: make(chan struct{}, 1),
		members: NewMembership(cfg.Worker, cfg.Incarnation, cfg.Lease),
	}, nil
}

// Run beats until ctx is done, and returns nil then. It fails when it cannot listen. A beat that cannot be sent is left
// out: silence says it all. So are those of a worker that is to step aside, see [Membership.Aside].
func (p *Pulse) Run(ctx context.Context) error {
	heard := make(chan struct{}, 1)
	sub, err := p.nc.Subscribe(SubjectHeartbeats, func(m *nats.Msg) {
		p.hear(m.Data)
		notify(heard, struct{}{})
	})
	if err != nil {
		return fmt.Errorf("bus: listen to heartbeats: %w", err)
	}
	defer sub.Unsubscribe()
	ticker := time.NewTicker(p.cfg.Lease / beatsPerLease)
	defer ticker.Stop()
	p.send(false)
	var before view
	for {
		if now := p.view(); !now.equal(before) {
			before = now
			if p.cfg.OnChange != nil {
				p.cfg.OnChange()
			}
		}
		select {
		case <-ticker.C:
			p.send(false)
		case <-p.due:
			p.send(false)
		case <-heard:
		case <-ctx.Done():
			return nil
		}
	}
}

// Beat has Run send a heartbeat at once, so that everybody hears what Describe says anew. It never blocks.
func (p *Pulse) Beat() { notify(p.due, struct{}{}) }

// Leave tells everybody at once that this worker holds nothing any more. Call it after Run has returned.
func (p *Pulse) Leave(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	p.send(true)
	if err := p.nc.FlushWithContext(ctx); err != nil {
		return fmt.Errorf("bus: say goodbye: %w", err)
	}
	return nil
}

func (p *Pulse) send(leaving bool) {
	h := Heartbeat{}
	if p.cfg.Describe != nil {
		p.cfg.Describe(&h)
	}
	p.mu.Lock()
	if p.members.Aside(h.Unfit, p.now()) && !leaving {
		p.mu.Unlock()
		return
	}
	p.beat++
	h.Worker, h.Incarnation, h.Beat, h.Leaving = p.cfg.Worker, p.cfg.Incarnation, p.beat, leaving
	p.members.Sent(h.Beat, p.now())
	p.mu.Unlock()
	body, err := json.Marshal(h)
	if err != nil {
		// Only Load can be at fault. Losing it is better than falling silent.
		h.Load = nil
		body, _ = json.Marshal(h)
	}
	_ = p.nc.Publish(HeartbeatSubject(p.cfg.Worker), body)
}

func (p *Pulse) hear(body []byte) {
	var h Heartbeat
	if json.Unmarshal(body, &h) != nil || h.Worker == "" || h.Incarnation == "" {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.members.Heard(h, p.now())
}

// Live returns the workers that live by now, this one included unless it has not heard itself.
func (p *Pulse) Live() []Peer {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.members.Live(p.now())
}

// Alive reports whether an incarnation was heard within a lease.
func (p *Pulse) Alive(worker, incarnation string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.members.Alive(worker, incarnation, p.now())
}

// Frozen reports whether this worker must neither answer nor write; see [Membership.Frozen].
func (p *Pulse) Frozen() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.members.Frozen(p.now())
}

// view is what a change of is worth telling.
type view struct {
	frozen bool
	live   map[membershipKey]bool // whether it drains
}

func (v view) equal(o view) bool {
	return v.live != nil && o.live != nil && v.frozen == o.frozen && maps.Equal(v.live, o.live)
}

func (p *Pulse) view() view {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now()
	v := view{frozen: p.members.Frozen(now), live: make(map[membershipKey]bool)}
	for _, peer := range p.members.Live(now) {
		v.live[membershipKey{peer.Worker, peer.Incarnation}] = peer.Draining
	}
	return v
}

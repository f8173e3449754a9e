package bus

import (
	"encoding/json"
	"time"
)

// Heartbeat is what a worker says of itself, every sixth of a lease, on tracker.fleet.heartbeat.<worker>.
type Heartbeat struct {
	Worker      string          `json:"worker"`
	Incarnation string          `json:"incarnation"` // the worker's nonce, another one after each start
	Beat        uint64          `json:"beat"`        // 1, 2, 3 … of this incarnation
	Version     string          `json:"version,omitempty"`
	Capacity    int             `json:"capacity,omitempty"` // weight when partitions are dealt out; 0: 1
	Draining    bool            `json:"draining,omitempty"` // takes no partitions and hands over its own
	Leaving     bool            `json:"leaving,omitempty"`  // the last one: it holds nothing any more
	Unfit       bool            `json:"unfit,omitempty"`    // the server refuses it what it needs for its work
	Load        json.RawMessage `json:"load,omitempty"`
	// Stands is [Ground.Created] of the stream in which all that the worker holds is claimed.
	Stands time.Time `json:"stands,omitzero"`
}

// Peer is a worker that was heard within a lease.
type Peer struct {
	Heartbeat
	HeardAt  time.Time
	FitSince time.Time // by all that was heard of it since; zero while it is unfit
}

// asideAfter is how long a worker is unfit, beside others that are not, before it steps aside. It is longer than one worker may
// notice later than another that both lack something, or have it again: what strikes all of them must move nothing.
const asideAfter = refusalLasts + 4*time.Second

// membershipKey tells two incarnations of a worker apart, also while both are heard.
type membershipKey struct{ worker, incarnation string }

// Membership is what one worker knows of the fleet from heartbeats. It reads no clock: times must carry the monotonic
// reading of one process. The caller serializes its use.
type Membership struct {
	self  membershipKey
	lease time.Duration
	peers map[membershipKey]Peer
	sent  map[uint64]time.Time // own beats not heard back yet
	heard time.Time            // when the newest own beat that was heard back had been sent
	last  uint64
	unfit time.Time // since when this worker is; zero: it is fit
}

// NewMembership returns what a worker knows that has heard nobody yet, itself included: it is frozen.
func NewMembership(worker, incarnation string, lease time.Duration) *Membership {
	return &Membership{
		self: membershipKey{worker, incarnation}, lease: lease,
		peers: make(map[membershipKey]Peer), sent: make(map[uint64]time.Time),
	}
}

// Sent notes that the own beat n goes out at now. It must be called before the beat is published.
func (m *Membership) Sent(n uint64, now time.Time) {
	for beat, at := range m.sent {
		if now.Sub(at) > m.lease {
			delete(m.sent, beat) // heard so late it would prove nothing
		}
	}
	m.sent[n] = now
}

// Heard notes a heartbeat, the own ones included.
func (m *Membership) Heard(h Heartbeat, now time.Time) {
	key := membershipKey{h.Worker, h.Incarnation}
	if known, ok := m.peers[key]; ok && h.Beat <= known.Beat {
		return
	}
	if h.Leaving {
		delete(m.peers, key)
		return
	}
	peer := Peer{Heartbeat: h, HeardAt: now}
	if peer.FitSince = m.peers[key].FitSince; h.Unfit {
		peer.FitSince = time.Time{}
	} else if peer.FitSince.IsZero() {
		peer.FitSince = now
	}
	m.peers[key] = peer
	if at, ok := m.sent[h.Beat]; ok && key == m.self {
		delete(m.sent, h.Beat)
		if h.Beat > m.last {
			m.last, m.heard = h.Beat, at
		}
	}
}

// Live returns the workers heard within a lease, in no order. A worker whose name two processes use is there twice.
func (m *Membership) Live(now time.Time) []Peer {
	live := make([]Peer, 0, len(m.peers))
	for key, p := range m.peers {
		if now.Sub(p.HeardAt) >= m.lease {
			delete(m.peers, key)
			continue
		}
		live = append(live, p)
	}
	return live
}

// Alive reports whether an incarnation was heard within a lease.
func (m *Membership) Alive(worker, incarnation string, now time.Time) bool {
	p, ok := m.peers[membershipKey{worker, incarnation}]
	return ok && now.Sub(p.HeardAt) < m.lease
}

// Frozen reports whether this worker must neither answer nor write: for two thirds of a lease no beat of its own made the
// round trip. It counts from when the beat was sent. No peer can have heard it before, so every peer still waits when this
// worker has stopped.
func (m *Membership) Frozen(now time.Time) bool {
	return m.last == 0 || now.Sub(m.heard) >= m.lease*2/3
}

// Aside notes whether this worker is fit, and reports whether it must fall silent, so that its peers take over: it has been unfit for
// a while in which one of them was fit all the time.
func (m *Membership) Aside(unfit bool, now time.Time) bool {
	switch {
	case !unfit:
		m.unfit = time.Time{}
		return false
	case m.unfit.IsZero():
		m.unfit = now
	}
	if now.Sub(m.unfit) < asideAfter {
		return false
	}
	for key, p := range m.peers {
		fit := !p.FitSince.IsZero() && now.Sub(p.FitSince) >= asideAfter
		if key != m.self && fit && !p.Draining && now.Sub(p.HeardAt) < m.lease {
			return true
		}
	}
	return false
}

// OwnHeard returns when the newest own beat that made the round trip was sent; the zero time when none did.
func (m *Membership) OwnHeard() time.Time { return m.heard }

package bus_test

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"trackerfleet/bus"
	"trackerfleet/bus/embedded"
)

func runPulse(t *testing.T, url, worker string, lease time.Duration) (p *bus.Pulse, changed chan struct{}, stop func()) {
	t.Helper()
	changed = make(chan struct{}, 1)
	p, err := bus.NewPulse(connect(t, bus.ConnectConfig{URLs: []string{url}}), bus.PulseConfig{
		Worker: worker, Incarnation: worker + "-1", Lease: lease,
		Describe: func(h *bus.Heartbeat) { h.Version = "v1" },
		OnChange: func() {
			select {
			case changed <- struct{}{}:
			default:
			}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- p.Run(ctx) }()
	stopped := false
	stop = func() {
		if cancel(); !stopped {
			stopped = true
			if err := <-ended; err != nil {
				t.Error(err)
			}
		}
	}
	t.Cleanup(stop)
	return p, changed, stop
}

func until(t *testing.T, changed <-chan struct{}, cond func() bool) {
	t.Helper()
	timeout := time.After(testTimeout)
	for !cond() {
		select {
		case <-changed:
		case <-timeout:
			t.Fatal("nobody told of the change")
		}
	}
}

func TestPulseFreezesWhenItDoesNotHearItselfAndPeersWaitLonger(t *testing.T) {
	const lease = 600 * time.Millisecond
	srv := startServer(t, embedded.Config{})
	proxied := startProxy(t, srv.URL()[len("nats://"):])
	cut, cutChanged, _ := runPulse(t, proxied.url(), "w-1", lease)
	peer, peerChanged, _ := runPulse(t, srv.URL(), "w-2", lease)
	until(t, cutChanged, func() bool { return !cut.Frozen() && len(cut.Live()) == 2 })
	until(t, peerChanged, func() bool { return peer.Alive("w-1", "w-1-1") && peer.Alive("w-2", "w-2-1") })

	proxied.listener.Close()
	proxied.cut()
	until(t, peerChanged, func() bool { return !peer.Alive("w-1", "w-1-1") })
	if !cut.Frozen() {
		t.Error("a peer may claim, but the silent worker is not frozen")
	}
	if peer.Frozen() {
		t.Error("the peer froze too")
	}
}

func TestPulseBeatsAtOnceWhenItIsTold(t *testing.T) {
	srv := startServer(t, embedded.Config{})
	var draining atomic.Bool
	p, err := bus.NewPulse(connect(t, bus.ConnectConfig{URLs: []string{srv.URL()}}), bus.PulseConfig{
		Worker: "w-1", Incarnation: "1", Lease: time.Hour,
		Describe: func(h *bus.Heartbeat) { h.Draining = draining.Load() },
	})
	if err != nil {
		t.Fatal(err)
	}
	peer, changed, _ := runPulse(t, srv.URL(), "w-2", time.Hour)
	until(t, changed, func() bool { return peer.Alive("w-2", "w-2-1") })
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
	running.Go(func() {
		if err := p.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	until(t, changed, func() bool { return peer.Alive("w-1", "1") })
	draining.Store(true)
	p.Beat()
	until(t, changed, func() bool {
		return slices.ContainsFunc(peer.Live(), func(o bus.Peer) bool { return o.Worker == "w-1" && o.Draining })
	})
}

func TestPulseSaysGoodbye(t *testing.T) {
	srv := startServer(t, embedded.Config{})
	leaving, changed, stop := runPulse(t, srv.URL(), "w-1", time.Minute)
	peer, peerChanged, _ := runPulse(t, srv.URL(), "w-2", time.Minute)
	until(t, changed, func() bool { return !leaving.Frozen() && leaving.Alive("w-2", "w-2-1") })
	stop()
	if err := leaving.Leave(t.Context()); err != nil {
		t.Fatal(err)
	}
	until(t, peerChanged, func() bool { return len(peer.Live()) == 1 })
}

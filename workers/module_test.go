package workers

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"go.uber.org/fx"

	"trackerfleet/bus"
	"trackerfleet/workers/simulated"
	"trackerfleet/workers/source"
)

func TestModuleNeedsAConfigAndConnectionsOnly(t *testing.T) {
	if err := fx.ValidateApp(Module, fx.NopLogger, fx.Supply(Config{}, Connections{})); err != nil {
		t.Error(err)
	}
	if err := fx.ValidateApp(Module, fx.NopLogger, fx.Supply(Config{})); err == nil {
		t.Error("the graph is complete without connections")
	}
}

func TestModuleRunsAWorker(t *testing.T) {
	s := newSite(t)
	sim, err := simulated.New(s.sim)
	if err != nil {
		t.Fatal(err)
	}
	var w *Worker
	app := fx.New(Module, fx.Populate(&w), fx.NopLogger, fx.Supply(
		Config{Name: "w-1", Sources: map[string]source.Source{"sim": sim}, Lease: time.Second},
		Connections{Main: s.connect("w-1"), Pulse: s.connect("w-1 heartbeat")},
	))
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if err := app.Start(ctx); err != nil {
		t.Fatal(err)
	}
	if got := s.request("spawn", `{"transaction_id":"one",`+waits+`}`); got["status"] != "created" {
		t.Errorf("spawn answered %v", got)
	}
	w.fail(context.DeadlineExceeded)
	select {
	case signal := <-app.Wait():
		if signal.ExitCode != 1 {
			t.Errorf("the application ends with code %d, want 1", signal.ExitCode)
		}
	case <-ctx.Done():
		t.Error("the application goes on though its worker cannot")
	}
	if err := app.Stop(ctx); err != nil {
		t.Error(err)
	}
}

// steps notes what a worker does while it stops, each once, in order.
type steps struct {
	mu  sync.Mutex
	on  bool
	all []string
}

func (s *steps) note(what string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.on && !slices.Contains(s.all, what) {
		s.all = append(s.all, what)
	}
}

func (s *steps) begin() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.on = true
}

func (s *steps) taken() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.all)
}

// noted is a source that notes when it ends and when a watch is closed.
type noted struct {
	source.Source
	steps *steps
}

func (n *noted) Run(ctx context.Context) error {
	defer n.steps.note("source ended")
	return n.Source.Run(ctx)
}

func (n *noted) Watch(t source.Target, h source.Hint, o source.Observer) source.Handle {
	return &notedHandle{n.Source.Watch(t, h, o), n.steps}
}

type notedHandle struct {
	source.Handle
	steps *steps
}

func (n *notedHandle) Close() {
	n.Handle.Close()
	n.steps.note("tracker stopped")
}

// TestStopOrder: the sources end, the trackers stop, what they reached is written, the partitions are handed over, and then
// comes goodbye.
func TestStopOrder(t *testing.T) {
	s := newSite(t)
	done := new(steps)
	w := s.worker("w-1", func(c *Config) { c.Sources["sim"] = &noted{c.Sources["sim"], done} })
	if got := s.request("spawn", `{"transaction_id":"one",`+waits+`}`); got["status"] != "created" {
		t.Fatalf("spawn answered %v", got)
	}
	sub, err := s.nc.Subscribe("tracker.fleet.>", func(m *nats.Msg) {
		switch {
		case strings.HasPrefix(m.Subject, "tracker.fleet.cursor.") && bytes.Contains(m.Data, []byte(`"sources"`)):
			done.note("checkpoint written")
		case strings.HasPrefix(m.Subject, "tracker.fleet.owner.") && bytes.Contains(m.Data, []byte(`"released"`)):
			done.note("partitions released")
		case m.Subject == bus.HeartbeatSubject("w-1") && bytes.Contains(m.Data, []byte(`"leaving":true`)):
			done.note("goodbye said")
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = sub.Unsubscribe() }()
	if err := s.nc.Flush(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "there is a height to write", func() bool { return w.reached()["sim"].Height > 0 })
	done.begin()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if err := w.Stop(ctx); err != nil {
		t.Fatal(err)
	}
	want := []string{"source ended", "tracker stopped", "checkpoint written", "partitions released", "goodbye said"}
	eventually(t, "goodbye", func() bool { return len(done.taken()) == len(want) })
	if got := done.taken(); !slices.Equal(got, want) {
		t.Errorf("stopped in the order %q, want %q", got, want)
	}
}

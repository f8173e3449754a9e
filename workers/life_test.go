package workers

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"trackerfleet/bus"
	"trackerfleet/workers/simulated"
	"trackerfleet/workers/source"
)

// idle returns a worker that was not started.
func (s *site) idle(name string) *Worker {
	s.t.Helper()
	sim, err := simulated.New(s.sim)
	if err != nil {
		s.t.Fatal(err)
	}
	w, err := New(s.connect(name), s.connect(name+"-pulse"), Config{
		Name: name, Sources: map[string]source.Source{"sim": sim}, Lease: time.Second,
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return w
}

func TestStopBeforeStartKeepsItFromStarting(t *testing.T) {
	s := newSite(t)
	w := s.idle("w-1")
	if err := w.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := w.Start(t.Context()); !errors.Is(err, ErrStopped) {
		t.Errorf("start returned %v, want %v", err, ErrStopped)
	}
}

func TestStopEndsAStartUnderWay(t *testing.T) {
	s := newSite(t)
	for i := range 8 {
		w := s.idle(fmt.Sprintf("w-%d", i))
		if i%2 == 0 {
			w.freeze.Store(true) // waits for its heartbeat until it is stopped
		}
		started := make(chan error, 1)
		go func() { started <- w.Start(t.Context()) }()
		if i > 1 {
			eventually(t, "the start is under way", func() bool { return w.system.CountChildren().Total() > (i%2)*i/2 })
		}
		var stops sync.WaitGroup
		for range 3 {
			stops.Go(func() { _ = w.Stop(t.Context()) })
		}
		stops.Wait()
		if err := <-started; err != nil && !errors.Is(err, ErrStopped) && !errors.Is(err, context.Canceled) {
			t.Errorf("start returned %v", err)
		}
	}
}

// TestFailedStartEndsThoughNATSIsGone: nobody is there to release partitions to.
func TestFailedStartEndsThoughNATSIsGone(t *testing.T) {
	s := newSite(t)
	w := s.idle("w-1")
	w.nc.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if err := w.Start(ctx); err == nil {
		t.Error("started on a closed connection")
	}
	if err := w.Stop(t.Context()); err == nil {
		t.Error("stop reported nothing of a connection that is closed")
	}
}

// TestStopAnswersStartsUnderWay: whoever waits for a start is told, and Stop does not wait for them.
func TestStopAnswersStartsUnderWay(t *testing.T) {
	s := newSite(t)
	w := s.worker("w-1", nil)
	var items []string
	for i := range 1000 {
		items = append(items, fmt.Sprintf(`{"transaction_id":"t%d",%s}`, i, waits))
	}
	body := `{"items":[` + strings.Join(items, ",") + `]}`
	var asking sync.WaitGroup
	for range 4 {
		asking.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			// No answer is as good as one here: the worker may have left before it was asked.
			_, _ = s.nc.RequestWithContext(ctx, "tracker.spawn", []byte(body))
		})
	}
	eventually(t, "starts are under way", func() bool { return w.starts.len() > 0 })
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := w.Stop(ctx); err != nil {
		t.Error(err)
	}
	asking.Wait()
	if n := w.starts.len(); n > 0 {
		t.Errorf("%d starts were never answered", n)
	}
}

// TestBacklogLeavesNothingBehind: what is left when its time has come is handled nevertheless.
func TestBacklogLeavesNothingBehind(t *testing.T) {
	b := newBacklog[int](2)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for i := range 10 {
		b.add(i)
	}
	var mu sync.Mutex
	handled := 0
	b.run(ctx, func(context.Context, int) {
		mu.Lock()
		defer mu.Unlock()
		handled++
	})
	if handled != 10 {
		t.Errorf("%d of 10 items were handled", handled)
	}
}

// TestPartitionThatIsStillLoadedSavesNoCheckpoint: its trackers have not been handed what the others have.
func TestPartitionThatIsStillLoadedSavesNoCheckpoint(t *testing.T) {
	s := newSite(t)
	w := s.worker("w-1", nil)
	eventually(t, "the source has come somewhere", func() bool { return w.reached()["sim"].Height > 0 })
	part := w.partitions[7]
	part.enter(loading)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := w.Stop(ctx); err != nil {
		t.Fatal(err)
	}
	for p, want := range map[int]bool{7: false, 8: true} {
		record, err := bus.NewRecords(s.nc).Get(t.Context(), bus.CursorSubject(p))
		if err != nil || (record != nil) != want {
			t.Errorf("partition %d has the checkpoint %v, %v", p, record, err)
		}
	}
}

func TestSecondWorkerOfOneNameIsRefused(t *testing.T) {
	s := newSite(t)
	s.worker("w-1", nil)
	if err := s.idle("w-1").Start(t.Context()); !errors.Is(err, ErrNameTaken) {
		t.Errorf("the second worker's start ended with %v", err)
	}
	if answer := s.request("lookup", "nobody"); answer["status"] != "not_found" {
		t.Errorf("beside a refused twin lookup answered %v", answer)
	}
}

package workers

import (
	"errors"
	"strings"
	"testing"
	"time"

	"trackerfleet/bus"
)

// failing returns the names of the checks that fail.
func failing(w *Worker) map[string]bool {
	names := make(map[string]bool)
	for _, c := range w.Ready() {
		if c.Err != nil {
			names[c.Name] = true
		}
	}
	return names
}

// TestStartsOfAStreamMadeAnewAreFollowed: the new stream counts from 1 again, below the cursor.
func TestStartsOfAStreamMadeAnewAreFollowed(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	w := s.worker("w-1", nil)
	for range 5 {
		s.publishStart(`{"transaction_id":"old",` + waits + `}`)
	}
	eventually(t, "the cursor is at the end", func() bool { return w.pump.cursor.Load() == 5 })
	if err := s.js.DeleteStream(t.Context(), bus.StreamStarts); err != nil {
		t.Fatal(err)
	}
	eventually(t, "unready", func() bool { return failing(w)["streams"] })
	if err := bus.EnsureAssets(t.Context(), s.js, bus.AssetsCreate, bus.AssetSettings{}); err != nil {
		t.Fatal(err)
	}
	for range 6 {
		s.publishStart(`{"transaction_id":"new",` + waits + `}`)
	}
	eventually(t, "the new start is followed", func() bool { return s.request("lookup", "new")["status"] == "found" })
	eventually(t, "ready again", func() bool { return len(failing(w)) == 0 })
	eventually(t, "the cursor is at the end again", func() bool { return w.pump.cursor.Load() == 6 })
}

// TestStreamMadeAnewUnderItsPartitionsFailsTheWorker: it says so loudly rather than own nothing in silence.
func TestStreamMadeAnewUnderItsPartitionsFailsTheWorker(t *testing.T) {
	takesAWhile(t)
	t.Parallel()
	s := newSite(t)
	w := s.idle("w-1")
	if err := w.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = w.Stop(t.Context()) }()
	if err := s.js.DeleteStream(t.Context(), bus.StreamTracker); err != nil {
		t.Fatal(err)
	}
	eventually(t, "unready", func() bool { return failing(w)["streams"] })
	if err := bus.EnsureAssets(t.Context(), s.js, bus.AssetsCreate, bus.AssetSettings{}); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-w.Failed():
		if !errors.Is(err, errAnew) {
			t.Errorf("the worker failed with %v", err)
		}
	case <-time.After(20 * time.Second):
		t.Error("the worker goes on")
	}
}

// names reports whether a check fails with an error that contains text.
func names(w *Worker, check, text string) bool {
	for _, c := range w.Ready() {
		if c.Name == check && c.Err != nil && strings.Contains(c.Err.Error(), text) {
			return true
		}
	}
	return false
}

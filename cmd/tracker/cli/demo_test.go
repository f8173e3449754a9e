package cli

import (
	"path/filepath"
	"reflect"
	"slices"
	"testing"
	"time"

	"trackerfleet/cmd/tracker/config"
	"trackerfleet/workers/simulated"
)

// TestDemoWorkers_followTheChainOfTheAudit: what they read is what the audit holds them to.
func TestDemoWorkers_followTheChainOfTheAudit(t *testing.T) {
	chain := simulated.Lively(18446744073709551615)
	chain.BlockTime, chain.ReorgShare = 123*time.Millisecond, 0.25
	file := filepath.Join(t.TempDir(), "tracker.yaml")
	if err := writeSettings(file, demoSettings("nats://127.0.0.1:12345", chain)); err != nil {
		t.Fatal(err)
	}
	s, err := config.Load(config.Input{Role: config.RoleWorker, File: file})
	if err != nil {
		t.Fatal(err)
	}
	if got := s.Sources[crewSource].Settings(); !reflect.DeepEqual(got, chain) {
		t.Errorf("chain %+v, want %+v", got, chain)
	}
	if s.Server[0] != "nats://127.0.0.1:12345" || s.Lease != demoLease || s.DefaultSource != crewSource || s.HTTP != "" {
		t.Errorf("settings %+v", s.Settings)
	}
}

func TestDemoWorkers_areNotLedElsewhere(t *testing.T) {
	got := ownEnviron([]string{"PATH=/bin", "TRACKER_SERVER=nats://prod", "NATS_URL=nats://prod", "TRACKERFLEET=x"})
	if want := []string{"PATH=/bin", "TRACKERFLEET=x"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

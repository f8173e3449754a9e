package bus_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"trackerfleet/bus"
	"trackerfleet/bus/embedded"
)

func newJetStream(t *testing.T) jetstream.JetStream {
	t.Helper()
	srv := startServer(t, embedded.Config{Port: embedded.InProcessOnly})
	js, err := jetstream.New(connect(t, bus.ConnectConfig{Options: []nats.Option{srv.InProcess()}}))
	if err != nil {
		t.Fatal(err)
	}
	return js
}

func TestEnsureAssetsCreatesOnceAndThenVerifies(t *testing.T) {
	js := newJetStream(t)
	err := bus.EnsureAssets(t.Context(), js, bus.AssetsVerify, bus.AssetSettings{})
	for _, name := range []string{bus.StreamTracker, bus.StreamStarts, bus.StreamRejected} {
		if !errors.Is(err, bus.ErrAssets) || !strings.Contains(err.Error(), "stream "+name+" is missing") {
			t.Errorf("got %v, want that %s is missing", err, name)
		}
	}
	for _, mode := range []bus.AssetMode{bus.AssetsCreate, bus.AssetsCreate, bus.AssetsVerify} {
		if err := bus.EnsureAssets(t.Context(), js, mode, bus.AssetSettings{}); err != nil {
			t.Errorf("%s: %v", mode, err)
		}
	}
	if err := bus.EnsureAssets(t.Context(), js, "update", bus.AssetSettings{}); err == nil {
		t.Error("an unknown mode was taken")
	}
}

func TestEnsureAssetsBlamesNoServerThatIsAway(t *testing.T) {
	srv, err := embedded.Start(t.Context(), embedded.Config{Dir: t.TempDir(), Port: embedded.InProcessOnly})
	if err != nil {
		t.Fatal(err)
	}
	js, err := jetstream.New(connect(t, bus.ConnectConfig{Options: []nats.Option{srv.InProcess()}}))
	if err != nil {
		t.Fatal(err)
	}
	if err := srv.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	await(t, func() bool { return !js.Conn().IsConnected() })
	err = bus.EnsureAssets(t.Context(), js, bus.AssetsVerify, bus.AssetSettings{})
	if err == nil || errors.Is(err, bus.ErrAssets) {
		t.Errorf("got %v, want an error that no other configuration would solve", err)
	}
}

func TestEnsureAssetsNamesEveryWrongSetting(t *testing.T) {
	for setting, change := range map[string]func(*jetstream.StreamConfig){
		"subjects":                  func(c *jetstream.StreamConfig) { c.Subjects = append(c.Subjects, "tracker.extra") },
		"max_msgs_per_subject":      func(c *jetstream.StreamConfig) { c.MaxMsgsPerSubject = 5 },
		"retention":                 func(c *jetstream.StreamConfig) { c.Retention = jetstream.InterestPolicy },
		"discard ":                  func(c *jetstream.StreamConfig) { c.Discard = jetstream.DiscardOld },
		"allow_atomic":              func(c *jetstream.StreamConfig) { c.AllowAtomicPublish = false },
		"allow_msg_ttl":             func(c *jetstream.StreamConfig) { c.AllowMsgTTL = false },
		"allow_direct":              func(c *jetstream.StreamConfig) { c.AllowDirect = false },
		"deny_delete":               func(c *jetstream.StreamConfig) { c.DenyDelete = false },
		"deny_purge":                func(c *jetstream.StreamConfig) { c.DenyPurge = false },
		"max_age":                   func(c *jetstream.StreamConfig) { c.MaxAge = 1e12 },
		"storage":                   func(c *jetstream.StreamConfig) { c.Storage = jetstream.MemoryStorage },
		`metadata slots is "16"`:    func(c *jetstream.StreamConfig) { c.Metadata["slots"] = "16" },
		`metadata partitions is ""`: func(c *jetstream.StreamConfig) { delete(c.Metadata, "partitions") },
	} {
		t.Run(setting, func(t *testing.T) {
			js := newJetStream(t)
			cfg := bus.Assets(bus.AssetSettings{})[0]
			change(&cfg)
			if _, err := js.CreateStream(t.Context(), cfg); err != nil {
				t.Fatal(err)
			}
			err := bus.EnsureAssets(t.Context(), js, bus.AssetsCreate, bus.AssetSettings{})
			if !errors.Is(err, bus.ErrAssets) || !strings.Contains(err.Error(), "stream TRACKER: "+setting) {
				t.Errorf("got %v, want %s of TRACKER", err, setting)
			}
		})
	}
}

func TestEnsureAssetsLeavesLimitsToTheOperator(t *testing.T) {
	js := newJetStream(t)
	if err := bus.EnsureAssets(t.Context(), js, bus.AssetsCreate, bus.AssetSettings{MaxTrackerBytes: 1 << 20}); err != nil {
		t.Fatal(err)
	}
	if err := bus.EnsureAssets(t.Context(), js, bus.AssetsVerify, bus.AssetSettings{MaxTrackerBytes: 2 << 20}); err != nil {
		t.Error(err)
	}
	over := bus.AssetSettings{MaxRejectedBytes: 1 << 60}
	if err := bus.EnsureAssets(t.Context(), newJetStream(t), bus.AssetsCreate, over); !errors.Is(err, bus.ErrAssets) ||
		!strings.Contains(err.Error(), "max_bytes") {
		t.Errorf("got %v, want that the limit is more than the server has", err)
	}
}

func TestEnsureAssetsTeachesToTurnJetStreamOn(t *testing.T) {
	srv, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, NoLog: true, NoSigs: true})
	if err != nil {
		t.Fatal(err)
	}
	srv.Start()
	t.Cleanup(func() { srv.Shutdown(); srv.WaitForShutdown() })
	if !srv.ReadyForConnections(testTimeout) {
		t.Fatal("the server did not start")
	}
	js, err := jetstream.New(connect(t, bus.ConnectConfig{URLs: []string{srv.ClientURL()}}))
	if err != nil {
		t.Fatal(err)
	}
	err = bus.EnsureAssets(t.Context(), js, bus.AssetsCreate, bus.AssetSettings{})
	if !errors.Is(err, bus.ErrAssets) || !strings.Contains(err.Error(), "-js") {
		t.Errorf("got %v, want how to enable JetStream", err)
	}
}

func TestAssetsJSONIsWhatTheServerTakes(t *testing.T) {
	all, err := bus.AssetsJSON(bus.AssetSettings{Replicas: 3, MaxStartsBytes: 5})
	if err != nil || len(all) != 3 {
		t.Fatalf("got %d, %v, want 3 streams", len(all), err)
	}
	var cfg server.StreamConfig
	if err := json.Unmarshal(all[bus.StreamStarts], &cfg); err != nil {
		t.Fatal(err)
	}
	if cfg.Name != bus.StreamStarts || cfg.Replicas != 3 || cfg.MaxBytes != 5 || cfg.Discard != server.DiscardNew || !cfg.AllowAtomicPublish {
		t.Errorf("got %+v", cfg)
	}
}

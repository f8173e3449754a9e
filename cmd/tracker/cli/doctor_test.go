package cli

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"trackerfleet/bus"
	"trackerfleet/bus/embedded"
	"trackerfleet/workers/source"
)

// nobody is an address on which nobody listens.
const nobody = "nats://127.0.0.1:1"

// configured writes a configuration file and returns its path.
func configured(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "tracker.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// wantSaid wants every text in what a command line has said.
func wantSaid(t *testing.T, got outcome, code int, texts ...string) {
	t.Helper()
	if got.code != code {
		t.Errorf("exit %d, want %d", got.code, code)
	}
	for _, text := range texts {
		if !strings.Contains(got.out+got.stderr, text) {
			t.Errorf("no %q in\n%s%s", text, got.out, got.stderr)
		}
	}
}

func TestDoctor_namesEveryFaultAndWhatToDo(t *testing.T) {
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) }))
	defer api.Close()
	file := configured(t, `
sources:
  sim: {kind: simulated}
  psp:
    kind: http
    url: "`+api.URL+`/v1/payments/{id}?key=sk_live_c4n4ry0123456789"
    allow_http: true
    allow_private: true
    map: {confirmed: [succeeded], failed: [failed]}
`)
	got := tracker(t, &fakeFleet{}, "", "doctor", "--config", file, "--server", nobody, "--timeout", "10s")
	wantSaid(t, got, 1,
		"source psp\n", "FAULT    "+api.URL+": the credentials are refused: 401 Unauthorized", "-> see headers, bearer, user and password",
		"source sim\n  ok       nothing to check", "nats\n  FAULT    cannot be connected to: ", "faults: 2, warnings: 1")
	if strings.Contains(got.out+got.stderr, "c4n4ry") {
		t.Errorf("a secret is told:\n%s", got.out)
	}

	got = tracker(t, &fakeFleet{}, "", "doctor", "--config", file, "--server", nobody, "--source", "sim", "-o", "json")
	var d diagnosis
	if err := json.Unmarshal([]byte(got.out), &d); err != nil || got.code != 0 || !d.Healthy || len(d.Findings) != 1 || d.Findings[0].Severity != "ok" {
		t.Errorf("%v, %+v", err, got)
	}
	got = tracker(t, &fakeFleet{}, "", "doctor", "--config", file, "--server", nobody, "-o", "jsonl")
	if n := strings.Count(got.out, "\n"); n != 4 || got.code != 1 {
		t.Errorf("%d lines: %+v", n, got)
	}
	wantSaid(t, tracker(t, &fakeFleet{}, "", "doctor", "--config", file, "--source", "none"), 2, `no source of that name is configured`)
}

func TestDoctor_checksTheStreamsAndTheFleet(t *testing.T) {
	server, err := embedded.Start(t.Context(), embedded.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = server.Stop(context.WithoutCancel(t.Context())) }()
	ask := func() outcome { return tracker(t, &fakeFleet{}, "", "doctor", "--server", server.URL()) }
	wantSaid(t, ask(), 1, "ok       connected to nats://", "FAULT    bus: streams are not as the fleet needs them",
		"`tracker streams create` makes it", "fleet\n  FAULT    no worker answers: ", "sources\n  warning  none is configured here")

	nc, err := bus.Connect(t.Context(), bus.ConnectConfig{Name: "test", URLs: []string{server.URL()}})
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err == nil {
		err = bus.EnsureAssets(t.Context(), js, bus.AssetsCreate, bus.AssetSettings{})
	}
	if err == nil {
		_, err = js.Publish(t.Context(), "tracker.rejected.invalid", []byte("{"))
	}
	if err != nil {
		t.Fatal(err)
	}
	wantSaid(t, ask(), 1, "ok       all are there, as workers need them", "the clocks of this machine and the server agree",
		"TRACKER_REJECTED: holds 1 starts that could not be understood")
}

func TestDoctor_saysHowTheFleetIs(t *testing.T) {
	now := time.Unix(1000, 0)
	reply := bus.FleetReply{
		Workers: []bus.FleetWorker{
			{Worker: "w-1", Version: "1.0.0", Alive: true, Partitions: 1, Trackers: 7},
			{Worker: "w-2", Version: "1.1.0", Alive: true, Draining: true, Partitions: 1},
			{Worker: "w-3", HeartbeatAt: now.Add(-90 * time.Second)},
		},
		Partitions: []bus.FleetPartition{
			{State: bus.PartitionOwned, Worker: "w-1"}, {State: bus.PartitionOwned, Worker: "w-3"}, {State: bus.PartitionReleased},
		},
		Counts:       bus.Counts{Total: 7, ByPhase: map[bus.Phase]uint64{bus.PhaseParked: 2, bus.PhaseBackoff: 1}},
		StartBacklog: 5,
	}
	d := concluded(fleetFindings(reply, now))
	var out strings.Builder
	for _, line := range doctorGrid(d).Notes {
		out.WriteString(line + "\n")
	}
	for _, want := range []string{
		"ok       w-1: alive, version 1.0.0, 1 partitions, 7 trackers", "warning  w-2: leaves the fleet", "warning  w-3: silent for 1m30s",
		"several versions: 1.0.0, 1.1.0", "FAULT    2 of 3 partitions have no owner that lives", "2 trackers are parked",
		"1 trackers have crashed", "5 accepted starts wait",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
	if d.Healthy || d.Faults != 1 || d.Warnings != 6 {
		t.Errorf("healthy %v, %d faults, %d warnings", d.Healthy, d.Faults, d.Warnings)
	}
}

func TestDoctor_comparesClocks(t *testing.T) {
	at := time.Unix(1000, 0)
	for _, tt := range []struct {
		server time.Time
		want   source.Severity
	}{
		{at, source.OK},
		{at.Add(1500 * time.Millisecond), source.OK},
		{at.Add(-2 * time.Second), source.Warning},
		{at.Add(4 * time.Second), source.Warning},
		{at.Add(-time.Hour), source.Faulty},
		{time.Time{}, source.Warning},
	} {
		if got := clocks(tt.server, at, at.Add(time.Second)); got.severity != tt.want {
			t.Errorf("at %v: %+v", tt.server, got)
		}
	}
}

func TestDoctor_countsReplicas(t *testing.T) {
	stream := func(leader string, peers ...*jetstream.PeerInfo) *jetstream.StreamInfo {
		return &jetstream.StreamInfo{
			Config: jetstream.StreamConfig{Name: "TRACKER", Replicas: 3}, Cluster: &jetstream.ClusterInfo{Leader: leader, Replicas: peers},
		}
	}
	for want, info := range map[string]*jetstream.StreamInfo{
		"ok 3 replicas, all up to date":                                                              stream("a", &jetstream.PeerInfo{Name: "b", Current: true}),
		"warning 3 replicas, of which b is offline, c is 7 behind":                                   stream("a", &jetstream.PeerInfo{Name: "b", Offline: true}, &jetstream.PeerInfo{Name: "c", Lag: 7}),
		"fault has no leader: nothing can be stored":                                                 stream(""),
		"ok on one server: what is stored is as safe as its disk, and stands still while it is down": {Config: jetstream.StreamConfig{Replicas: 1}},
	} {
		if got := replicas(info); got.Severity+" "+got.Message != want {
			t.Errorf("%s %s, want %s", got.Severity, got.Message, want)
		}
	}
}

// ailing is a source of another module: it has a health, and cannot diagnose itself.
type ailing struct {
	source.Source
	health source.Health
	err    error
}

func (a *ailing) Health() source.Health { return a.health }

func (a *ailing) Run(ctx context.Context) error {
	if a.err != nil {
		return a.err
	}
	<-ctx.Done()
	return context.Cause(ctx)
}

func TestDoctor_triesOutASourceThatCannotDiagnoseItself(t *testing.T) {
	endpoint := source.EndpointHealth{Name: "node", Error: "refused"}
	for want, a := range map[string]*ailing{
		"ok can be followed, the head is 7":                                             {health: source.Health{Head: 7, HeadAt: time.Unix(1, 0)}},
		"fault cannot be followed: no answer":                                           {health: source.Health{Degraded: true, Error: "no answer", Endpoints: []source.EndpointHealth{endpoint}}},
		"fault does not run: no table":                                                  {err: errors.New("no table")},
		"warning runs, and has shown neither a head nor trouble while it was looked at": {},
	} {
		ctx, cancel := context.WithCancel(t.Context())
		if strings.HasPrefix(want, "warning") {
			cancel()
		}
		found := watchHealth(ctx, a)
		cancel()
		if got := found[0].Severity.String() + " " + found[0].Message; got != want {
			t.Errorf("%s, want %s", got, want)
		}
		if n := len(a.health.Endpoints); len(found) != 1+n || n > 0 && found[1].Message != "is not healthy: refused" {
			t.Errorf("found %+v", found)
		}
	}
}

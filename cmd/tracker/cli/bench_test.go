package cli

import (
	"encoding/json"
	"errors"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"trackerfleet/cmd/tracker/bench"
	"trackerfleet/cmd/tracker/bench/node"
	"trackerfleet/cmd/tracker/bench/soak"
	"trackerfleet/cmd/tracker/config"
)

func TestBench_measuresEverythingBesideItsCeiling(t *testing.T) {
	measure(t, referenceSimulated)
	for _, args := range [][]string{{"--trackers", "1"}, {"--crash-share", "2"}, {"--lookups", "0s"}, {"--reference", "bitcoin"}} {
		if got := do(t, append([]string{"bench"}, args...)...); got.code != exitUsage {
			t.Errorf("%q: %+v", args, got)
		}
	}
}

func TestBench_measuresEthereumReferences(t *testing.T) {
	takesAWhile(t)
	measure(t, referenceEthereum)
}

// measure runs a small bench.
func measure(t *testing.T, reference string) {
	t.Helper()
	got := do(t, "bench", "--reference", reference, "--trackers", "200", "--hold", "100ms", "--lookups", "400ms", "--crash-share", "0.1", "-o", "json")
	var r bench.Result
	if err := json.Unmarshal([]byte(got.out), &r); err != nil || got.code != 0 {
		t.Fatalf("%v %+v", err, got)
	}
	var keys map[string]any
	if err := json.Unmarshal([]byte(got.out), &keys); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{
		"trackers", "reference", "starts_per_second", "rss_bytes_per_tracker", "heap_bytes_per_tracker", "lookups_per_second", "lookup_p50_ms",
		"lookup_p99_ms", "restarts_per_second", "finals_per_second", "journal_messages_per_second", "store_bytes_per_tracker",
		"gc_cpu_share", "gc_max_pause_ms", "ceilings", "shares", "server_rss_bytes_per_tracker", "recovery_first_seconds",
		"recovery_half_seconds", "recovery_all_seconds", "server_recovery_lookup_seconds", "server_recovery_start_seconds",
	} {
		if _, ok := keys[key]; !ok {
			t.Errorf("no %s in %s", key, got.out)
		}
	}
	if r.Trackers != 200 || r.Reference != reference || r.StartsPerSecond == 0 || r.LookupsPerSecond == 0 || r.LookupP99MS < r.LookupP50MS || r.RestartsPerSecond == 0 ||
		r.FinalsPerSecond == 0 || r.StoreBytesPerTracker < 500 || r.Shares.Starts == 0 || r.Shares.Lookups == 0 || r.Shares.Journal == 0 ||
		r.Ceilings.GoroutineBytes < 2000 || r.GCMaxPauseMS == 0 || r.RecoveryFirst == 0 || r.RecoveryHalf == 0 ||
		r.RecoveryAll < r.RecoveryHalf || r.ServerRecoveryLookup == 0 || r.ServerRecoveryStart == 0 {
		t.Errorf("measured %+v", r)
	}
}

// TestStandstill_hasNoBlockWhileABenchRuns, though the configuration file has whole seconds.
func TestStandstill_hasNoBlockWhileABenchRuns(t *testing.T) {
	now := time.Unix(1_800_000_000, 999_999_999)
	c := standstill(now)
	height := func(at time.Time) time.Duration { return at.Sub(c.Genesis.Truncate(time.Second)) / c.BlockTime }
	if height(now) != height(now.Add(benchStandstill-time.Minute)) || height(now) == 0 || c.NullShare != 1 {
		t.Errorf("%+v has height %d, then %d", c, height(now), height(now.Add(benchStandstill-time.Minute)))
	}
}

// TestReference_hasTheWorkerFollowTheStandIn by what it reads of its configuration file; the source takes what starts say.
func TestReference_hasTheWorkerFollowTheStandIn(t *testing.T) {
	ended := errors.New("ended")
	var url string
	err := withReference(referenceEthereum, func(chain config.Source, r bench.Reference) error {
		file := filepath.Join(t.TempDir(), "tracker.yaml")
		if err := writeSettings(file, crewSettings("nats://127.0.0.1:12345", chain)); err != nil {
			t.Fatal(err)
		}
		s, err := config.Load(config.Input{Role: config.RoleWorker, File: file})
		if err != nil {
			t.Fatal(err)
		}
		profile := s.Sources[s.DefaultSource]
		e, ok := profile.Settings().(config.Ethereum)
		if !ok || e.Chain != node.Chain || len(e.Endpoints) != 1 || e.DropMinAge != benchDropAge {
			t.Fatalf("the worker has %+v", profile.Settings())
		}
		url = e.Endpoints[0].URL.Reveal()
		answer, err := http.Post(url, "application/json", strings.NewReader(`{"id":1,"method":"eth_chainId","params":[]}`))
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		source, err := profile.New()
		if err != nil || answer.StatusCode != http.StatusOK {
			t.Fatal(err, answer.Status)
		}
		one, other := r.Params(mustID("txn_1")), r.Params(mustID("txn_2"))
		if _, err := source.Parse("txn_1", one); err != nil || string(one) == string(other) {
			t.Errorf("%s and %s: %v", one, other, err)
		}
		return ended
	})
	if !errors.Is(err, ended) {
		t.Error(err)
	}
	quick := http.Client{Timeout: time.Second}
	if _, err := quick.Get(url); err == nil {
		t.Errorf("%s still answers", url)
	}
	http.DefaultClient.CloseIdleConnections()
}

// TestSoak_keepsEveryPromise leaves out whether anything grew: nothing has had the time.
func TestSoak_keepsEveryPromise(t *testing.T) {
	got := do(t, "bench", "soak", "--trackers", "200", "--for", "4s", "--churn", "20", "--crashes", "10", "--lookups", "100",
		"--retention", "1s", "--block-time", "100ms", "--sample", "200ms", "-o", "json")
	var r soak.Result
	if err := json.Unmarshal([]byte(got.out), &r); err != nil {
		t.Fatalf("%v %+v", err, got)
	}
	for _, p := range r.Promises {
		if !p.Held && p.Name != "churn was kept up" { // which is up to the machine
			t.Errorf("%+v %q", p, r.Faults)
		}
	}
	if len(r.Promises) != 8 || len(r.Figures) != 13 || len(r.Series) < 10 || r.Started < 200 || r.Confirmed == 0 || r.Stopped == 0 ||
		r.Confirmed+r.Stopped != r.Started || r.Restarted == 0 || r.Lookups == 0 {
		t.Errorf("got %+v", r)
	}
	if (got.code == 0) != r.Held {
		t.Errorf("exit %d when held is %v", got.code, r.Held)
	}
	for _, v := range r.Series {
		if v.WorkerRSS == 0 || v.ServerRSS == 0 || v.RecordMessages == 0 || v.DiskBytes == 0 {
			t.Errorf("sample %+v", v)
		}
	}
	if got := do(t, "bench", "soak", "--for", "1s"); got.code != exitUsage {
		t.Errorf("%+v", got)
	}
}

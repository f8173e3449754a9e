package config

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"trackerfleet/workers/simulated"
)

const contractFile = `
default_source: sim
sources:
  mainnet:
    kind: ethereum
    chain: "eip155:1"
    endpoints:
      - {url: "https://a.example/v3/KEYKEY", ws: "wss://a.example/KEYKEY", rate: 50}
      - "http://127.0.0.1:8545"
    poll: 2s
  sim:
    kind: simulated
    seed: 7
    block_time: 100ms
lease: 2s            # silence after which peers take a worker's partitions over
supervision: {max_restarts: 3, period: 30s, backoff: {base: 50ms, cap: 10s}}
`

func TestLoad_readsTheFileOfTheContract(t *testing.T) {
	l := mustLoad(t, Input{Role: RoleWorker, File: write(t, "tracker.yaml", contractFile)})
	eth := settingsOf[Ethereum](t, l, "mainnet")
	if eth.Chain != "eip155:1" || eth.Poll != 2*time.Second || len(eth.Endpoints) != 2 {
		t.Fatalf("mainnet = %+v", eth)
	}
	if got := eth.Endpoints[0]; got.URL.Reveal() != "https://a.example/v3/KEYKEY" || got.Rate != 50 {
		t.Errorf("endpoint 0 = %+v", got)
	}
	if got := eth.Endpoints[1].URL.Reveal(); got != "http://127.0.0.1:8545" {
		t.Errorf("endpoint 1 = %q", got)
	}
	if sim := settingsOf[simulated.Config](t, l, "sim"); sim.Seed != 7 || sim.BlockTime != 100*time.Millisecond {
		t.Errorf("sim = %+v", sim)
	}
	want := Supervision{MaxRestarts: 3, Period: 30 * time.Second, Backoff: Backoff{50 * time.Millisecond, 10 * time.Second}}
	if l.Supervision != want || l.Lease != 2*time.Second || l.DefaultSource != "sim" {
		t.Errorf("got %+v", l.Settings)
	}
}

func TestLoad_flagsWinOverEnvironmentOverFileOverDefaults(t *testing.T) {
	file := write(t, "f.yaml", "lease: 4s\nname: from-file\nserver: nats://file:1\n")
	in := Input{Environ: []string{"NATS_URL=nats://ambient:1", "NATS_CREDS="}}
	steps := []struct {
		change             func()
		lease, name        string
		server, wantOrigin string
	}{
		{func() {}, "3s", "", "nats://ambient:1", "default"},
		{func() { in.File = file }, "4s", "from-file", "nats://file:1", file + ":1"},
		{
			func() { in.Environ = append(in.Environ, "TRACKER_LEASE=5s", "TRACKER_SERVER=nats://env:1") }, "5s", "from-file",
			"nats://env:1", "env TRACKER_LEASE",
		},
		{func() { in.Flags = flags("lease", "6s", "name", "w-1") }, "6s", "w-1", "nats://env:1", "flag --lease"},
	}
	for _, s := range steps {
		s.change()
		l := mustLoad(t, in)
		if got := l.Lease.String(); got != s.lease || l.Name != s.name || string(l.Server[0]) != s.server {
			t.Errorf("lease %s name %q server %v, want %s %q %s", got, l.Name, l.Server, s.lease, s.name, s.server)
		}
		if got := l.Origin("lease").String(); got != s.wantOrigin {
			t.Errorf("origin of lease = %q, want %q", got, s.wantOrigin)
		}
	}
}

func TestLoad_namesEveryFaultAtOnceWithItsOrigin(t *testing.T) {
	file := write(t, "bad.yaml", `
leese: 3s
supervision:
  max_restart: 1
  backoff: {base: 5s, cap: 1s}
sources:
  psp: {kind: http}
  main:
    kind: ethereum
    pol: 4s
    chain: mainnet
    endpoints: [{url: "ftp://KEY.example/KEY", rate: fast}]
  odd: {kind: etherium}
  none: {seed: 1}
  sim: {kind: simulated, block_time: 3}
  calm: {kind: simulated, revert_share: 2, endpoints: 101, genesis: yesterday}
timeout:
`)
	_, err := Load(Input{
		Role: RoleWorker, File: file,
		Environ: []string{"TRACKER_LAESE=1s", "TRACKER_PORT=many", "TRACKER_LOG_LEVEL=loud"},
		Flags:   flags("http", "0.0.0.0:80", "workers", "0"),
	})
	if !errors.Is(err, ErrInvalid) {
		t.Fatalf("err = %v, want ErrInvalid", err)
	}
	for _, want := range []string{
		"leese: does not exist; nearest is lease (" + file + ":2)",
		"supervision.max_restart: does not exist; nearest is max_restarts (" + file + ":4)",
		"supervision.backoff.cap: 1s is below base, 5s (" + file + ":5)",
		"sources.psp.url: is missing; such as https://api.example.com/v1/payments/{id} (default)",
		"sources.main.pol: does not exist; nearest is poll (" + file + ":10)",
		"sources.main.chain: want a CAIP-2 name of an Ethereum chain, as in eip155:1 (" + file + ":11)",
		"sources.main.endpoints[0].url: want an address that begins with http:// or https:// (" + file + ":12)",
		`sources.main.endpoints[0].rate: "fast" is not a number (` + file + ":12)",
		`sources.odd.kind: "etherium" does not exist; nearest is ethereum (` + file + ":13)",
		"sources.none: has no kind; kinds are ethereum, http, simulated (" + file + ":14)",
		"sources.sim.block_time: 3 has no unit; write 3s for seconds (" + file + ":15)",
		"sources.calm.revert_share: ",
		"sources.calm.endpoints: is 101, must be between 1 and 100 (" + file + ":16)",
		`sources.calm.genesis: "yesterday" is not a time`,
		"timeout: has no value; leave the key out to get the default (" + file + ":17)",
		"TRACKER_LAESE does not exist; nearest is TRACKER_LEASE (env TRACKER_LAESE)",
		`port: "many" is not a whole number (env TRACKER_PORT)`,
		`log.level: "loud" is none of debug, info, warn, error (env TRACKER_LOG_LEVEL)`,
		"use 127.0.0.1, or --http-insecure to allow it (flag --http)",
		"workers: 0 is not between 1 and 64 (flag --workers)",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("no %q in\n%v", want, err)
		}
	}
	if n := len(err.(Faults)); n != 22 {
		t.Errorf("%d faults, want 22:\n%v", n, err)
	}
	if strings.Contains(err.Error(), "KEY") {
		t.Errorf("a secret is in\n%v", err)
	}
}

func TestLoad_saysWhatIsWrongWithTheFile(t *testing.T) {
	for name, tc := range map[string]struct{ content, want string }{
		"not YAML":      {"lease: [", "yaml"},
		"a list":        {"- lease", "must hold keys and values"},
		"twice":         {"lease: 1s\nlease: 2s\n", "already defined"},
		"too big":       {strings.Repeat("#", maxFileBytes+1), "at most"},
		"alias bomb":    {bomb(), "excessive aliasing"},
		"sources: list": {"sources: [a]", "must hold a profile per name"},
		"name":          {"sources: {a.b: {kind: simulated}}", "1 to 64 of"},
	} {
		_, err := Load(Input{File: write(t, "f.yaml", tc.content)})
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: err = %v, want %q", name, err, tc.want)
		}
	}
	missing := filepath.Join(t.TempDir(), "none.yaml")
	_, err := Load(Input{Environ: []string{EnvFile + "=" + missing}})
	if err == nil || !strings.Contains(err.Error(), "env "+EnvFile) {
		t.Errorf("err = %v, want the variable's name", err)
	}
	if _, err := Load(Input{File: write(t, "empty.yaml", "# nothing\n")}); err != nil {
		t.Errorf("empty file: %v", err)
	}
}

func flags(pairs ...string) map[string]Flag {
	out := map[string]Flag{}
	for i := 0; i < len(pairs); i += 2 {
		out[pairs[i]] = Flag{Name: FlagName(pairs[i]), Value: pairs[i+1]}
	}
	return out
}

func bomb() string {
	s := "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n"
	for i := range 9 {
		p := string(rune('0' + i))
		n := string(rune('1' + i))
		s += "a" + n + ": &a" + n + " [" + strings.TrimSuffix(strings.Repeat("*a"+p+",", 10), ",") + "]\n"
	}
	return s
}

func TestDefaults_areValidAndTheCallersOwn(t *testing.T) {
	for _, role := range []Role{RoleClient, RoleWorker, RoleDev} {
		if _, err := Load(Input{Role: role}); err != nil {
			t.Errorf("role %d: %v", role, err)
		}
	}
	a, b := Defaults(RoleDev), Defaults(RoleDev)
	a.Sources["other"] = a.Sources["sim"]
	if len(b.Sources) != 1 {
		t.Error("two calls share their sources")
	}
}

func FuzzLoad(f *testing.F) {
	f.Add(contractFile)
	f.Add("sources: {a: {kind: ethereum, endpoints: {url: x}, headers: 3}}")
	f.Add("supervision: 3\nserver: [1, {}]\ntls: null\n1: 2\n? [a]\n: b")
	f.Fuzz(func(t *testing.T, content string) {
		l, err := Load(Input{Role: RoleDev, File: write(t, "f.yaml", content)})
		if (l == nil) == (err == nil) {
			t.Errorf("loaded %v and err %v", l, err)
		}
		if l != nil {
			if _, err := YAML(l.Entries(), true); err != nil {
				t.Error(err)
			}
		}
	})
}

package config

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"trackerfleet/workers/simulated"
)

const canary = "c4n4ry"

func TestSecrets_areShownNowhere(t *testing.T) {
	file := write(t, "f.yaml", `
server: ["nats://user:`+canary+`@h:4222"]
sources:
  main:
    kind: ethereum
    chain: "eip155:1"
    endpoints:
      - url: "https://u:`+canary+`@h.example/v3/`+canary+`?key=`+canary+`"
        ws: {from_env: WS_URL}
        headers:
          X-Key: `+canary+`
          Authorization: {from_file: `+write(t, "token", canary+"\n")+`}
`)
	l := mustLoad(t, Input{File: file, Environ: []string{"WS_URL=wss://h.example/" + canary}})
	e := settingsOf[Ethereum](t, l, "main").Endpoints[0]
	if e.Headers["Authorization"].Reveal() != canary || e.WS.Reveal() != "wss://h.example/"+canary {
		t.Fatalf("secrets did not arrive: %q %q", e.Headers["Authorization"].Reveal(), e.WS.Reveal())
	}
	plain, _ := YAML(l.Entries(), false)
	origins, _ := YAML(l.Entries(), true)
	entries, err := json.Marshal(l.Entries())
	if err != nil {
		t.Fatal(err)
	}
	asJSON, err := json.Marshal([]any{l.Server, l.Sources["main"].Settings()})
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"YAML": string(plain), "origins": string(origins), "entries": string(entries), "JSON": string(asJSON),
		"%v":  fmt.Sprintf("%v %v", l.Server, l.Sources["main"].Settings()),
		"%+v": fmt.Sprintf("%+v %+v", l.Settings, l.Sources["main"].Settings()),
		"%#v": fmt.Sprintf("%#v %#v", l.Server, e), "String": e.URL.String(), "%q": fmt.Sprintf("%q", e.Headers),
	} {
		if strings.Contains(text, canary) {
			t.Errorf("%s shows the secret: %s", name, text)
		}
	}
	for _, want := range []string{"https://h.example/…", "from_env: WS_URL", "nats://[redacted]@h:4222"} {
		if !strings.Contains(string(plain), want) {
			t.Errorf("no %q in\n%s", want, plain)
		}
	}
}

func TestEnvironment_setsSourcesAndReadsSecretsFromFiles(t *testing.T) {
	file := write(t, "f.yaml", "sources: {Main-net: {kind: ethereum, chain: 'eip155:1'}}")
	urls := write(t, "urls", "https://a.example/"+canary+"\nhttps://b.example/\n")
	l := mustLoad(t, Input{File: file, Environ: []string{
		"TRACKER_SOURCES_MAIN_NET_ENDPOINTS_FILE=" + urls,
		"TRACKER_SOURCES_MAIN_NET_POLL=9s",
		"TRACKER_SOURCES_MY_SIM_BLOCK_TIME=2s",
		"TRACKER_SOURCES_MY_SIM_KIND=simulated",
		"TRACKER_DEFAULT_SOURCE=my_sim",
		"TRACKER_SUPERVISION_BACKOFF_CAP=9s",
		"TRACKER_SERVER_FILE=" + write(t, "server", "nats://u:p@h:4222"),
		"TRACKER_SERVICE_HOST=10.0.0.1", "TRACKER_PORT=tcp://10.0.0.1:4222", "TRACKER_PORT_4222_TCP_ADDR=10.0.0.1",
	}})
	eth := settingsOf[Ethereum](t, l, "Main-net")
	if eth.Poll.String() != "9s" || len(eth.Endpoints) != 2 || eth.Endpoints[0].URL.Reveal() != "https://a.example/"+canary {
		t.Errorf("Main-net = %+v", eth)
	}
	if got := settingsOf[simulated.Config](t, l, "my_sim").BlockTime.String(); got != "2s" {
		t.Errorf("block time = %s", got)
	}
	if string(l.Server[0]) != "nats://u:p@h:4222" || l.Supervision.Backoff.Cap.String() != "9s" || l.Port != DefaultPort {
		t.Errorf("got %+v", l.Settings)
	}
	if got := l.Origin("sources.Main-net.endpoints[1].url").String(); got != "env TRACKER_SOURCES_MAIN_NET_ENDPOINTS_FILE" {
		t.Errorf("origin = %s", got)
	}
}

func TestEnvironment_refusesWhatCannotBeRead(t *testing.T) {
	_, err := Load(Input{
		File: write(t, "f.yaml", `sources: {m: {kind: ethereum, chain: "eip155:1", endpoints: [{url: {from_env: NONE}}, {url: {from_vile: x}}, 5]}}`),
		Environ: []string{
			"TRACKER_SERVER=nats://h:1", "TRACKER_SERVER_FILE=/x", "TRACKER_LEASE_FILE=/x", "TRACKER_SOURCES_X_Y=1",
			"TRACKER_SOURCES_M_ENDPOINTS_FILE=/none/here",
		},
	})
	for _, want := range []string{
		"server: is set by TRACKER_SERVER too", "lease: is not a secret; set TRACKER_LEASE", "TRACKER_SOURCES_X_Y does not exist",
		`environment variable "NONE"`, "nearest is from_file", "endpoints[2]: must be a URL or hold keys", "/none/here",
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("no %q in\n%v", want, err)
		}
	}
}

func TestYAML_canBeReadAgain(t *testing.T) {
	first := mustLoad(t, Input{Role: RoleDev, File: write(t, "f.yaml", contractFile), Environ: []string{"TRACKER_NAME=w-1"}})
	b, err := YAML(first.Entries(), true)
	if err != nil {
		t.Fatal(err)
	}
	again, err := Load(Input{Role: RoleDev, File: write(t, "again.yaml", string(b))})
	if err != nil {
		t.Fatalf("%v\n%s", err, b)
	}
	if again.Supervision != first.Supervision || again.Name != "w-1" || again.Lease != first.Lease {
		t.Errorf("got %+v\nwant %+v", again.Settings, first.Settings)
	}
	if !strings.Contains(string(b), "lease: 2s # ") || !strings.Contains(string(b), "name: w-1 # env TRACKER_NAME") {
		t.Errorf("no origins in\n%s", b)
	}
}

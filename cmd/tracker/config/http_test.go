package config

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"trackerfleet/workers/httppoll"
)

// pspFile is the payment processor of the contract.
const pspFile = `
sources:
  psp:
    kind: http
    url: "https://api.example.com/v1/payments/{id}"
    headers: {Authorization: {from_env: PSP_TOKEN}}
    status: body.status
    map: {confirmed: [succeeded], failed: [failed], stopped: [canceled], pending: [processing]}
`

func TestHTTP_readsTheProfileOfTheContract(t *testing.T) {
	l := mustLoad(t, Input{Role: RoleWorker, File: write(t, "f.yaml", pspFile), Environ: []string{"PSP_TOKEN=Bearer " + canary}})
	cfg := settingsOf[HTTP](t, l, "psp").config()
	want := httppoll.Defaults()
	want.URL, want.Status = "https://api.example.com/v1/payments/{id}", "body.status"
	want.Headers = map[string]string{"Authorization": "Bearer " + canary}
	want.Map = httppoll.Map{
		Confirmed: []string{"succeeded"}, Failed: []string{"failed"}, Stopped: []string{"canceled"}, Pending: []string{"processing"},
	}
	if !reflect.DeepEqual(cfg, want) {
		t.Errorf("got %+v, want %+v", cfg, want)
	}
	if s, err := l.Sources["psp"].New(); err != nil || s == nil {
		t.Errorf("%v, %v", s, err)
	}
	if l.DefaultSource != "psp" {
		t.Errorf("default source %q", l.DefaultSource)
	}
}

func TestHTTP_everySettingIsPrintedWithItsDefaultAndNoSecret(t *testing.T) {
	file := strings.Replace(pspFile, "payments/{id}", "payments/{id}?key="+canary, 1) + "    bearer: \"\"\n"
	l := mustLoad(t, Input{Role: RoleWorker, File: write(t, "f.yaml", file), Environ: []string{"PSP_TOKEN=Bearer " + canary}})
	b, err := YAML(l.Entries(), false)
	if err != nil {
		t.Fatal(err)
	}
	text := string(b)
	for _, l := range leavesOf(reflect.TypeFor[HTTP](), "") {
		key := l.path[strings.LastIndex(l.path, ".")+1:]
		if !strings.Contains(text, " "+key+":") {
			t.Errorf("%s is not printed", l.path)
		}
		if l.doc == "" {
			t.Errorf("%s has no doc", l.path)
		}
	}
	for _, want := range []string{
		"intervals: [5s, 10s, 30s, 1m0s, 5m0s, 15m0s] # pauses between looks", "rate: 10 # requests a second", "max_body: 1048576 # bytes of one answer", "timeout: 10s # of one request", "from_env: PSP_TOKEN",
		"allow_http: false", "url: https://api.example.com/…", "unknown: keep_polling", "confirmed: [succeeded] # ",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	if strings.Contains(text, canary) {
		t.Errorf("a secret is shown:\n%s", text)
	}
}

func TestHTTP_settingsComeFromTheEnvironmentToo(t *testing.T) {
	l := mustLoad(t, Input{Role: RoleWorker, File: write(t, "f.yaml", pspFile), Environ: []string{
		"PSP_TOKEN=x1234", "TRACKER_SOURCES_PSP_INTERVALS=1s 1m,1h", "TRACKER_SOURCES_PSP_MAP_FAILED=failed,denied", "TRACKER_SOURCES_PSP_ALLOW_PRIVATE=true",
	}})
	h := settingsOf[HTTP](t, l, "psp")
	if !reflect.DeepEqual(h.Intervals, []time.Duration{time.Second, time.Minute, time.Hour}) || !h.AllowPrivate {
		t.Errorf("got %+v", h)
	}
	if !reflect.DeepEqual(h.Map.Failed, []string{"failed", "denied"}) || !reflect.DeepEqual(h.Map.Confirmed, []string{"succeeded"}) {
		t.Errorf("map %+v", h.Map)
	}
}

func TestHTTP_namesEveryFaultWithItsPlace(t *testing.T) {
	file := write(t, "f.yaml", `
sources:
  psp:
    kind: http
    url: "http://api.example.com/v1/payments/{id}"
    headers: {X-Key: {from_env: NONE}, Host: `+canary+`}
    status: bdy.status
    map: {confirmd: [succeeded], failed: [7], expired: [overdue, overdue]}
    intervals: [5s, 10]
    unknow: fail
    rate: 0.5s
    list: {item: body.data}
`)
	_, err := Load(Input{Role: RoleWorker, File: file})
	if !errors.Is(err, ErrInvalid) {
		t.Fatalf("err = %v", err)
	}
	for _, want := range []string{
		"sources.psp.url: has no TLS; allow_http would allow it (" + file + ":5)",
		`sources.psp.headers.X-Key: the environment variable "NONE" that it is read from is not set (` + file + ":6)",
		"sources.psp.headers.Host: is set by the source itself; leave it out (" + file + ":6)",
		"sources.psp.status: unknown name bdy (1:1) (" + file + ":7)",
		"sources.psp.map.confirmd: does not exist; nearest is confirmed (" + file + ":8)",
		"sources.psp.map.failed: must be a list of texts",
		`sources.psp.map.expired: "overdue" is in the map twice (` + file + ":8)",
		"sources.psp.intervals[1]: 10 has no unit; write 10s for seconds (" + file + ":9)",
		"sources.psp.unknow: does not exist; nearest is unknown (" + file + ":10)",
		`sources.psp.rate: "0.5s" is not a number (` + file + ":11)",
		"sources.psp.list.item: does not exist; nearest is items (" + file + ":12)",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("no %q in\n%v", want, err)
		}
	}
	if strings.Contains(err.Error(), canary) {
		t.Errorf("a secret is shown: %v", err)
	}
}

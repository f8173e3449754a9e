package connect

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"
	"go.uber.org/goleak"

	"trackerfleet/bus"
	"trackerfleet/cmd/tracker/config"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func load(t *testing.T, environ []string, flags map[string]config.Flag) *config.Loaded {
	t.Helper()
	s, err := config.Load(config.Input{Environ: environ, Flags: flags})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestConfig_keepsUserAndPasswordOutOfTheURL(t *testing.T) {
	for url, want := range map[string]nats.Options{
		"nats://u:c4n4ry@h:4222": {User: "u", Password: "c4n4ry"},
		"nats://c4n4ry@h:4222":   {Token: "c4n4ry"},
		"nats://h:4222":          {},
	} {
		cfg, err := Config(load(t, []string{"TRACKER_SERVER=" + url}, nil))
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(cfg.URLs, ","); got != "nats://h:4222" {
			t.Errorf("URLs %s", got)
		}
		if got := apply(t, cfg); got.User != want.User || got.Password != want.Password || got.Token != want.Token {
			t.Errorf("%s: got %q %q %q", url, got.User, got.Password, got.Token)
		}
	}
}

// apply returns what the options of cfg amount to.
func apply(t *testing.T, cfg bus.ConnectConfig) nats.Options {
	t.Helper()
	var got nats.Options
	for _, opt := range cfg.Options {
		if err := opt(&got); err != nil {
			t.Fatal(err)
		}
	}
	return got
}

func TestConfig_takesTheUserItsPasswordAndItsInboxes(t *testing.T) {
	password := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(password, []byte("c4n4ry\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := load(t, []string{
		"NATS_USER=ambient", "NATS_PASSWORD=ambient", "TRACKER_USER=worker", "TRACKER_PASSWORD_FILE=" + password, "TRACKER_INBOX_PREFIX=_INBOX_worker",
	}, nil)
	cfg, err := Config(s)
	if err != nil {
		t.Fatal(err)
	}
	got := apply(t, cfg)
	if user, secret := got.UserInfo(); user != "worker" || secret != "c4n4ry" || cfg.InboxPrefix != "_INBOX_worker" {
		t.Errorf("got %q %q, inboxes %q", user, secret, cfg.InboxPrefix)
	}
	for content, want := range map[string]string{"another\n": "another", "": "c4n4ry"} {
		if err := os.WriteFile(password, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, secret := got.UserInfo(); secret != want {
			t.Errorf("with %q in its file the password is %q, want %q", content, secret, want)
		}
	}
	if shown := fmt.Sprintf("%v %+v %#v %+v", s.Password, s.Password, s.Password, s.Entries()); strings.Contains(shown, "c4n4ry") {
		t.Errorf("the password is shown: %s", shown)
	}
}

func TestConfig_signsWithTheSeedOfAnNkey(t *testing.T) {
	pair, err := nkeys.CreateUser()
	if err != nil {
		t.Fatal(err)
	}
	seed, err := pair.Seed()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "worker.nk")
	if err := os.WriteFile(path, seed, 0o600); err != nil {
		t.Fatal(err)
	}
	if cfg, err := Config(load(t, []string{"TRACKER_NKEY=" + path}, nil)); err != nil || cfg.Nkey != path {
		t.Errorf("got %q: %v", cfg.Nkey, err)
	}
	if err := os.WriteFile(path, []byte("c4n4ry"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Config(load(t, []string{"TRACKER_NKEY=" + path}, nil)); !errors.Is(err, config.ErrInvalid) || strings.Contains(err.Error(), "c4n4ry") {
		t.Errorf("a file without a seed: %v", err)
	}
}

func TestConfig_refusesHalfAnIdentity(t *testing.T) {
	for _, environ := range [][]string{
		{"TRACKER_USER=worker"},
		{"TRACKER_PASSWORD=secret"},
		{"TRACKER_NKEY=" + os.Args[0], "TRACKER_USER=worker", "TRACKER_PASSWORD=secret"},
		{"TRACKER_NKEY=/no/such/file"},
		{"TRACKER_INBOX_PREFIX=_INBOX.>"},
		{"TRACKER_INBOX_PREFIX=_INBOX_worker."},
	} {
		if _, err := config.Load(config.Input{Environ: environ}); !errors.Is(err, config.ErrInvalid) {
			t.Errorf("%v: %v", environ, err)
		}
	}
}

func TestConfig_usesTheContextUnlessTheServerIsSetAsExplicitly(t *testing.T) {
	home := t.TempDir()
	t.Setenv("XDG_CONFIG_HOME", home)
	dir := filepath.Join(home, "nats", "context")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	text := `{"url":"nats://from.context:4222","inbox_prefix":"_INBOX_caller"}`
	if err := os.WriteFile(filepath.Join(dir, "prod.json"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	flag := func(key, value string) map[string]config.Flag {
		return map[string]config.Flag{key: {Name: key, Value: value}}
	}
	both := flag("context", "prod")
	both["server"] = config.Flag{Name: "server", Value: "nats://explicit:4222"}
	for _, tc := range []struct {
		environ []string
		flags   map[string]config.Flag
		want    string
	}{
		{nil, flag("context", "prod"), "nats://from.context:4222"},
		{[]string{"NATS_URL=nats://ambient:4222"}, flag("context", "prod"), "nats://from.context:4222"},
		{[]string{"TRACKER_CONTEXT=prod"}, flag("server", "nats://explicit:4222"), "nats://explicit:4222"},
		{nil, both, "nats://explicit:4222"},
	} {
		cfg, err := Config(load(t, tc.environ, tc.flags))
		if err != nil || fmt.Sprint(cfg.URLs) != "["+tc.want+"]" || cfg.InboxPrefix != "_INBOX_caller" {
			t.Errorf("%v %v: %v %v", tc.environ, tc.flags, cfg.URLs, err)
		}
	}
	if _, err := Config(load(t, nil, flag("context", "none"))); err == nil || !strings.Contains(err.Error(), "none") {
		t.Errorf("a context that is not there: %v", err)
	}
}

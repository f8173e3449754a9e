package connect

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"go.uber.org/goleak"

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
		var got nats.Options
		for _, opt := range cfg.Options {
			if err := opt(&got); err != nil {
				t.Fatal(err)
			}
		}
		if got.User != want.User || got.Password != want.Password || got.Token != want.Token {
			t.Errorf("%s: got %q %q %q", url, got.User, got.Password, got.Token)
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

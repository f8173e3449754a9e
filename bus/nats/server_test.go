package nats_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/goleak"

	"trackerfleet/bus"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var roles = []string{"publisher", "caller", "events", "worker", "operator", "provisioner"}

// password returns that of a role. They are what a number would be, which nats-server must not take them for.
func password(role string) string { return "1e5" + role }

// environment sets what the configuration reads from it.
func environment(t *testing.T) {
	t.Helper()
	t.Setenv("NATS_NAME", "n-1")
	t.Setenv("NATS_ROUTES", "[]")
	t.Setenv("CLUSTER_PASSWORD", `"1e5"`)
	for _, role := range roles {
		t.Setenv(strings.ToUpper(role)+"_PASSWORD", `"`+password(role)+`"`)
	}
}

// options returns what nats-server makes of a shipped file, with ports and folders that are free here. It runs alone.
func options(t *testing.T, file string) *server.Options {
	t.Helper()
	environment(t)
	opts, err := server.ProcessConfigFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !opts.SyncAlways || opts.NoAuthUser != "" || opts.HTTPHost != "127.0.0.1" || opts.Cluster.Username != "node" {
		t.Errorf("%s: always synced %v, no_auth_user %q, monitoring on %q, routes as %q",
			file, opts.SyncAlways, opts.NoAuthUser, opts.HTTPHost, opts.Cluster.Username)
	}
	opts.Host, opts.Port, opts.HTTPPort = "127.0.0.1", server.RANDOM_PORT, 0
	opts.StoreDir, opts.NoSigs, opts.NoLog = t.TempDir(), true, true
	opts.Cluster, opts.Routes = server.ClusterOpts{}, nil // one node is enough to know what is allowed
	return opts
}

// start runs a server until the test ends and returns its URL.
func start(t *testing.T, opts *server.Options) string {
	t.Helper()
	s, err := server.NewServer(opts)
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	if !s.ReadyForConnections(10 * time.Second) {
		t.Fatal("the server did not start")
	}
	return s.ClientURL()
}

// client is a connection in a role.
type client struct {
	*nats.Conn
	last error // that the server had told of when it was last asked
}

func dial(t *testing.T, url, role string, options ...nats.Option) *client {
	t.Helper()
	options = append(options, nats.UserInfo(role, password(role)), nats.CustomInboxPrefix("_INBOX_"+role),
		nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {})) // refusals are what is looked for
	nc, err := nats.Connect(url, options...)
	if err != nil {
		t.Fatalf("%s: %v", role, err)
	}
	t.Cleanup(nc.Close)
	return &client{Conn: nc}
}

// provision makes the streams, as the provisioner.
func provision(t *testing.T, url string) {
	t.Helper()
	js, err := jetstream.New(dial(t, url, "provisioner").Conn)
	if err != nil {
		t.Fatal(err)
	}
	if err := bus.EnsureAssets(t.Context(), js, bus.AssetsCreate, bus.AssetSettings{}); err != nil {
		t.Fatal(err)
	}
}

// TestNobodyGetsInWithoutAName: not without a user, not with another's password, not into the account of the system.
func TestNobodyGetsInWithoutAName(t *testing.T) {
	url := start(t, options(t, "nats.conf"))
	for name, option := range map[string]nats.Option{
		"nobody":                  nats.Name("nobody"),
		"an empty password":       nats.UserInfo("worker", ""),
		"another's password":      nats.UserInfo("worker", password("caller")),
		"a user that is not":      nats.UserInfo("admin", password("worker")),
		"a token":                 nats.Token(password("worker")),
		"the user of the routes":  nats.UserInfo("node", "1e5"),
		"the user of the system":  nats.UserInfo("sys", "sys"),
		"a variable's name":       nats.UserInfo("worker", "$WORKER_PASSWORD"),
		"the password in quotes":  nats.UserInfo("worker", `"`+password("worker")+`"`),
		"a number for a password": nats.UserInfo("worker", "100000"),
	} {
		if nc, err := nats.Connect(url, option); err == nil {
			nc.Close()
			t.Errorf("%s got in", name)
		}
	}
}

// TestConfigurationHasNoDefaults: a variable that is not set keeps the server from starting.
func TestConfigurationHasNoDefaults(t *testing.T) {
	names := []string{"NATS_NAME", "NATS_ROUTES", "CLUSTER_PASSWORD"}
	for _, role := range roles {
		names = append(names, strings.ToUpper(role)+"_PASSWORD")
	}
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			environment(t)
			if err := os.Unsetenv(name); err != nil { // t.Setenv puts it back
				t.Fatal(err)
			}
			if _, err := server.ProcessConfigFile("nats.conf"); err == nil || !strings.Contains(err.Error(), name) {
				t.Errorf("without %s: %v", name, err)
			}
		})
	}
}

// copied returns the path of a shipped file in a folder of its own, with what it includes and with paths replaced.
func copied(t *testing.T, file string, replace ...string) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"nats.conf", "roles.conf", file} {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		changed := strings.NewReplacer(replace...).Replace(string(text))
		if err := os.WriteFile(filepath.Join(dir, name), []byte(changed), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, file)
}

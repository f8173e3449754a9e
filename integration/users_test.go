package integration

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"

	"trackerfleet/integration/process"
)

// user is what a server knows of a user. The zero value may do everything, once it has a password.
type user struct {
	password    string
	noPublish   string // subject; "": may publish everything
	noSubscribe string
}

// users are those of a server, by name.
type users map[string]user

// tester is the user of the tests themselves.
const tester = "tester"

// text is users as the server's configuration has them.
func (all users) text() string {
	deny := func(subject string) string {
		if subject == "" {
			return `{ allow: ">" }`
		}
		return fmt.Sprintf(`{ allow: ">", deny: [%q] }`, subject)
	}
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(all)) {
		u := all[name]
		fmt.Fprintf(&b, "  { user: %q, password: %q, permissions: { publish: %s, subscribe: %s } }\n",
			name, u.password, deny(u.noPublish), deny(u.noSubscribe))
	}
	return "authorization { users: [\n" + b.String() + "] }"
}

// known is a fleet on a server that knows every worker by name and password, which the worker reads from a file.
type known struct {
	*fleet
	users users
	dir   string // of the password files
}

// newKnown starts a server and workers with the short lease, and returns once they share all partitions.
func newKnown(t *testing.T, names ...string) *known {
	t.Helper()
	k := &known{users: users{tester: {password: "tester's"}}, dir: t.TempDir()}
	for _, name := range names {
		k.users[name] = user{password: "first of " + name}
		k.write(t, name)
	}
	k.fleet = &fleet{server: process.StartConfigured(t, k.users.text())}
	k.client = newClient(t, k.server.Connect(t, nats.UserInfo(tester, k.users[tester].password)))
	for _, name := range names {
		config := k.leasedConfig(name)
		config.Env = []string{"TRACKER_USER=" + name, "TRACKER_PASSWORD_FILE=" + k.passwordFile(name)}
		k.workers = append(k.workers, process.LaunchWorker(t, config))
	}
	for _, w := range k.workers {
		w.AwaitReady(t)
	}
	k.awaitShared(t, k.workers...)
	return k
}

func (k *known) passwordFile(name string) string { return filepath.Join(k.dir, name) }

// write puts the password that the server knows into the worker's file.
func (k *known) write(t *testing.T, name string) {
	t.Helper()
	if err := os.WriteFile(k.passwordFile(name), []byte(k.users[name].password+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
}

// change changes what the running server knows of workers.
func (k *known) change(t *testing.T, workers []*process.Worker, change func(*user)) {
	t.Helper()
	for _, w := range workers {
		u := k.users[w.Name]
		change(&u)
		k.users[w.Name] = u
	}
	k.server.Reload(t, k.users.text())
}

// awaitUnready waits until workers are not ready and say why, on /readyz and in an error that they log.
func awaitUnready(t *testing.T, why string, workers ...*process.Worker) {
	t.Helper()
	for _, w := range workers {
		process.Await(t, patience, func() error {
			err := ready(t, w)
			switch {
			case err == nil:
				return fmt.Errorf("%s is ready", w.Name)
			case !strings.Contains(strings.ToLower(err.Error()), strings.ToLower(why)):
				return fmt.Errorf("%s does not say %q: %w", w.Name, why, err)
			}
			lines := loud(w)
			if !slices.ContainsFunc(lines, func(line string) bool { return strings.Contains(strings.ToLower(line), strings.ToLower(why)) }) {
				return fmt.Errorf("no error with %q is logged: %q", why, lines)
			}
			return nil
		})
	}
}

// awaitReady waits until workers are ready.
func awaitReady(t *testing.T, workers ...*process.Worker) {
	t.Helper()
	for _, w := range workers {
		process.Await(t, patience, func() error { return ready(t, w) })
	}
}

// stayed fails the test if a worker has ended.
func stayed(t *testing.T, workers ...*process.Worker) {
	t.Helper()
	for _, w := range workers {
		select {
		case <-w.Ended():
			t.Errorf("%s has ended", w.Name)
		default:
		}
	}
}

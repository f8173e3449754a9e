package container

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"trackerfleet/integration/checker"
	"trackerfleet/integration/process"
)

var containers = flag.Bool("containers", os.Getenv("CI") == "true", "build the images and run the fleet of docker-compose.yml")

func TestMain(m *testing.M) { os.Exit(process.Main(m)) }

const (
	buildTime = 8 * time.Minute // mostly of the Go compiler, on the first run
	storyTime = 3 * time.Minute // of everything after it
)

// TestComposeRunsAFleet does with the shipped files what a README tells people to do, and what happens to them later, with every
// Compose that is installed.
func TestComposeRunsAFleet(t *testing.T) {
	if !*containers {
		t.Skip("left out because it takes minutes; to run it: go test ./integration/container -containers")
	}
	for _, composer := range composers(t) {
		t.Run(composer.version, func(t *testing.T) { runsAFleet(t, New(t, composer)) })
	}
}

func runsAFleet(t *testing.T, p *Project) {
	building, built := context.WithTimeout(t.Context(), buildTime)
	defer built()
	begin := time.Now()
	p.Build(building)
	t.Logf("images built in %s", time.Since(begin).Round(time.Second))

	ctx, cancel := context.WithTimeout(t.Context(), storyTime)
	defer cancel()
	step := stepper(t)
	p.Compose(ctx, "up", "--detach", "--no-build", "--scale", "worker=2")
	f := connect(t, p)
	f.awaitAlive(ctx, 2)
	step("up with two workers")
	hardened(ctx, t, p)
	f.publish(ctx, "first", 60)
	step("published from outside")

	p.Compose(ctx, "up", "--detach", "--no-build", "--no-recreate", "--scale", "worker=5")
	f.awaitAlive(ctx, 5)
	f.awaitHealthy(ctx, "worker", 5)
	f.publish(ctx, "scaled", 40)
	step("scaled to five")

	f.suffer(ctx, step)
	f.awaitFinished(ctx)
	f.sleepAndWake(ctx, step)
	f.judge(ctx, map[string]int{"workers killed": 1, "workers cut off": 1, "nodes killed": 1})
}

// suffer kills a worker, cuts off another, and kills a node, and publishes through all of it.
func (f *fleet) suffer(ctx context.Context, step func(string)) {
	f.t.Helper()
	victim := f.owner(ctx, "first-0")
	f.kill(ctx, victim)
	f.awaitGone(ctx, victim)
	f.publish(ctx, "killed", 40)
	step("killed a worker")

	cut := f.owner(ctx, "first-1")
	heal := f.disconnect(ctx, cut)
	f.publish(ctx, "cut", 40)
	f.awaitGone(ctx, cut)
	heal()
	f.awaitAlive(ctx, 4)
	step("cut a worker off the network and joined it again")

	node := f.p.Containers(ctx, "nats-2")[0]
	f.p.Docker(ctx, "kill", "--signal", "KILL", node)
	f.publish(ctx, "two-nodes", 40)
	f.p.Docker(ctx, "start", node)
	f.awaitHealthy(ctx, "nats-2", 1)
	step("killed a node and started it again")
}

// sleepAndWake takes everything down and up again: what was known is known, and it goes on.
func (f *fleet) sleepAndWake(ctx context.Context, step func(string)) {
	f.t.Helper()
	before := f.history(ctx)
	f.close()
	f.p.Compose(ctx, "down", "--timeout", "40")
	if left := f.p.Containers(ctx, "worker"); len(left) > 0 {
		f.t.Errorf("left after down: %v", left)
	}
	step("down")
	f.p.Compose(ctx, "up", "--detach", "--no-build", "--scale", "worker=2")
	f.connect()
	f.awaitAlive(ctx, 2)
	step("up again")
	if after := f.history(ctx); len(after.Events) < len(before.Events) {
		f.t.Errorf("%d events before down, %d after up", len(before.Events), len(after.Events))
	}
	f.publish(ctx, "again", 20)
	f.awaitFinished(ctx)
	for _, id := range f.accepted {
		if got := f.lookup(ctx, id); got.Tracker.Status != "confirmed" {
			f.t.Errorf("%s is %s: %s", id, got.Status, got.Tracker.Status)
		}
	}
}

// stepper logs what each step took.
func stepper(t *testing.T) func(what string) {
	begin := time.Now()
	return func(what string) {
		t.Logf("%s: %s", what, time.Since(begin).Round(100*time.Millisecond))
		begin = time.Now()
	}
}

// hardened fails the test unless every container is as closed as the file says.
func hardened(ctx context.Context, t *testing.T, p *Project) {
	t.Helper()
	for _, service := range []string{"nats-1", "nats-2", "nats-3", "worker"} {
		for _, id := range p.Containers(ctx, service) {
			var c []struct {
				Config     struct{ User string }
				HostConfig struct {
					ReadonlyRootfs bool
					CapDrop        []string
					SecurityOpt    []string
				}
			}
			if err := json.Unmarshal([]byte(p.Docker(ctx, "inspect", id)), &c); err != nil {
				t.Fatal(err)
			}
			h := c[0].HostConfig
			if c[0].Config.User != "65532:65532" || !h.ReadonlyRootfs || !slices.Equal(h.CapDrop, []string{"ALL"}) ||
				!slices.Contains(h.SecurityOpt, "no-new-privileges:true") {
				t.Errorf("%s: %+v", service, c[0])
			}
		}
	}
	out, err := run(ctx, "", nil, nil, "docker", "exec", p.Containers(ctx, "worker")[0], "/bin/sh", "-c", "true")
	if err == nil {
		t.Errorf("there is a shell in the image: %s", out)
	}
}

// TestComposeFileIsValid holds the shipped files against every Compose that is installed, with and without TLS.
func TestComposeFileIsValid(t *testing.T) {
	for _, composer := range composers(t) {
		t.Run(composer.version, func(t *testing.T) { isValid(t, New(t, composer)) })
	}
}

func isValid(t *testing.T, p *Project) {
	plain := p.Compose(t.Context(), "config")
	for _, want := range []string{"read_only: true", "condition: service_healthy", "_INBOX_worker"} {
		if !strings.Contains(plain, want) {
			t.Errorf("the configuration has no %q", want)
		}
	}
	over := p.Compose(t.Context(), "--file", "bus/nats/docker-compose.tls.yml", "config")
	if !strings.Contains(over, "tls://nats-1:4222") || strings.Contains(over, "nats://nats-1:4222") {
		t.Error("workers of the TLS variant do not connect with TLS")
	}
}

// TestComposeWantsPasswords: there are none but those that somebody made.
func TestComposeWantsPasswords(t *testing.T) {
	nothing := filepath.Join(t.TempDir(), "env")
	if err := os.WriteFile(nothing, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, composer := range composers(t) {
		for _, role := range roles {
			p := New(t, composer)
			name := strings.ToUpper(role) + "_PASSWORD"
			p.environ = slices.DeleteFunc(p.environ, func(set string) bool { return strings.HasPrefix(set, name+"=") })
			out, err := p.compose(t.Context(), "--env-file", nothing, "config")
			if err == nil || !strings.Contains(err.Error(), ".env") {
				t.Errorf("Compose %s, without %s: %v\n%s", composer.version, name, err, out)
			}
		}
	}
}

// judge holds what happened against the invariants.
func (f *fleet) judge(ctx context.Context, evidence map[string]int) {
	f.t.Helper()
	want := checker.Expectation{Finished: true, Evidence: evidence}
	for _, id := range f.accepted {
		want.Accepted = append(want.Accepted, checker.Start{ID: id, Run: 1})
	}
	verdict := checker.Check(f.history(ctx), want)
	if verdict.Outcome != checker.Held {
		f.t.Error(verdict)
	}
	f.t.Log(verdict)
}

func missingError(what string, got, want int) error {
	if got == want {
		return nil
	}
	return fmt.Errorf("%d %s, want %d", got, what, want)
}

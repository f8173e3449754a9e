package container

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// roles have a password each in .env; the last one is that of the nodes among themselves.
var roles = []string{"publisher", "caller", "events", "worker", "operator", "provisioner", "cluster"}

// Project is the shipped docker-compose.yml with names, ports and passwords of its own.
type Project struct {
	t        testing.TB
	root     string // of the repository
	name     string
	command  []string
	environ  []string
	password map[string]string
	servers  []string // host:port
	images   []string
}

// New returns the project under a Compose, with nothing built or started.
func New(t testing.TB, composer Composer) *Project {
	t.Helper()
	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	p := &Project{t: t, root: root, command: composer.command, name: "trackerfleet-test-" + random(4), password: make(map[string]string)}
	for i := range 3 {
		address := freeAddress(t)
		p.servers = append(p.servers, address)
		p.set(fmt.Sprintf("NATS_%d_ADDRESS", i+1), address)
	}
	for _, role := range roles {
		p.password[role] = random(16)
		p.set(strings.ToUpper(role)+"_PASSWORD", p.password[role])
	}
	for _, image := range []string{"GO_IMAGE", "NATS_IMAGE", "NATS_NODE_IMAGE", "TRACKER_IMAGE"} {
		tag := p.name + ":" + strings.ToLower(strings.TrimSuffix(image, "_IMAGE"))
		p.images = append(p.images, tag)
		p.set(image, tag)
	}
	return p
}

// Build builds all images. What the project makes from now on is removed when the test ends. The test is skipped where there
// is no engine.
func (p *Project) Build(ctx context.Context) {
	p.t.Helper()
	requireEngine(p.t)
	p.t.Cleanup(p.remove)
	if err := buildGoImage(ctx, p.images[0], p.label(), p.root); err != nil {
		p.t.Fatal(err)
	}
	if err := buildNATSImage(ctx, p.images[1], p.label(), p.t.TempDir()); err != nil {
		p.t.Fatal(err)
	}
	p.Compose(ctx, "build", "--force-rm", "nats-1", "worker") // the other services share their images
}

func (p *Project) set(name, value string) { p.environ = append(p.environ, name+"="+value) }

// Compose runs Compose with args and returns what it printed.
func (p *Project) Compose(ctx context.Context, args ...string) string {
	p.t.Helper()
	out, err := p.compose(ctx, args...)
	if err != nil {
		p.t.Fatal(err)
	}
	return out
}

func (p *Project) compose(ctx context.Context, args ...string) (string, error) {
	command := append(slices.Clone(p.command), "--project-name", p.name, "--project-directory", p.root, "--file", filepath.Join(p.root, "docker-compose.yml"))
	return run(ctx, p.root, p.environ, nil, append(command, args...)...)
}

// Docker runs docker with args and returns what it printed, without the space around.
func (p *Project) Docker(ctx context.Context, args ...string) string {
	p.t.Helper()
	out, err := run(ctx, p.root, nil, nil, append([]string{"docker"}, args...)...)
	if err != nil {
		p.t.Fatal(err)
	}
	return strings.TrimSpace(out)
}

// Containers returns the running containers of a service.
func (p *Project) Containers(ctx context.Context, service string) []string {
	p.t.Helper()
	return strings.Fields(p.Docker(ctx, "ps", "--quiet", "--no-trunc",
		"--filter", "label=com.docker.compose.project="+p.name, "--filter", "label=com.docker.compose.service="+service))
}

// Network returns the name of the network that everything is on.
func (p *Project) Network() string { return p.name + "_default" }

// Servers returns the addresses of the three nodes on this machine.
func (p *Project) Servers() []string { return p.servers }

// Password returns that of a role.
func (p *Project) Password(role string) string { return p.password[role] }

// label marks every image that is made of the stand-ins, tagged or not.
func (p *Project) label() string { return "trackerfleet.test=" + p.name }

// removeTimeout bounds the cleaning up.
const removeTimeout = time.Minute

// remove takes away everything that the project made. A failed test gets the ends of the logs first.
func (p *Project) remove() {
	ctx, cancel := context.WithTimeout(context.Background(), removeTimeout)
	defer cancel()
	if p.t.Failed() {
		out, _ := p.compose(ctx, "logs", "--no-color", "--tail", "40")
		states, _ := p.compose(ctx, "ps", "--all")
		p.t.Logf("%s\n%s", states, out)
	}
	if _, err := p.compose(ctx, "down", "--volumes", "--remove-orphans", "--timeout", "1"); err != nil {
		p.t.Error(err)
	}
	if err := removeImages(ctx, p.label(), p.images); err != nil {
		p.t.Error(err)
	}
}

// freeAddress returns a loopback address that nobody listens on.
func freeAddress(t testing.TB) string {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// random returns n random bytes in hexadecimal.
func random(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails
	return hex.EncodeToString(b)
}

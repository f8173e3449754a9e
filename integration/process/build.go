package process

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"go.uber.org/goleak"
)

// binaries are built when the first test asks for one, and removed by [Main].
var binaries struct {
	mu    sync.Mutex
	dir   string
	built map[string]string // by package
}

// Main runs the tests of a package that uses processes, removes what was built for them, and fails when goroutines are left. It
// returns the exit code for os.Exit.
func Main(m *testing.M) int {
	code := m.Run()
	if err := goleak.Find(); code == 0 && err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	binaries.mu.Lock()
	defer binaries.mu.Unlock()
	if binaries.dir != "" {
		os.RemoveAll(binaries.dir)
	}
	return code
}

// Tracker returns the path of the tracker binary.
func Tracker(t testing.TB) string {
	t.Helper()
	return build(t, "trackerfleet/cmd/tracker", raceFlag...)
}

// natsServer returns the path of the nats-server binary, the release that go.mod names.
func natsServer(t testing.TB) string {
	t.Helper()
	return build(t, "github.com/nats-io/nats-server/v2")
}

func build(t testing.TB, pkg string, flags ...string) string {
	t.Helper()
	binaries.mu.Lock()
	defer binaries.mu.Unlock()
	if path := binaries.built[pkg]; path != "" {
		return path
	}
	path, err := buildLocked(pkg, flags)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func buildLocked(pkg string, flags []string) (string, error) {
	if binaries.dir == "" {
		dir, err := os.MkdirTemp("", "trackerfleet-")
		if err != nil {
			return "", fmt.Errorf("process: %w", err)
		}
		binaries.dir, binaries.built = dir, make(map[string]string)
	}
	name := filepath.Base(pkg)
	if name == "v2" {
		name = filepath.Base(filepath.Dir(pkg))
	}
	path := filepath.Join(binaries.dir, name)
	args := append([]string{"build", "-o", path}, flags...)
	if out, err := exec.Command("go", append(args, pkg)...).CombinedOutput(); err != nil {
		return "", fmt.Errorf("process: go build %s: %w\n%s", pkg, err, out)
	}
	binaries.built[pkg] = path
	return path, nil
}

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
	built map[program]*built
}

// built is a program that is built once, or failed to be.
type built struct {
	once sync.Once
	path string
	err  error
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

// program says what is built.
type program struct {
	name    string
	pkg     string
	flags   string // one or none
	movable bool   // its wall clock follows a [Clock]
	before  bool   // of the version before this one
}

// Tracker returns the path of the tracker binary.
func Tracker(t testing.TB) string {
	t.Helper()
	return tracker(t, nil)
}

// tracker returns the path of the tracker binary for processes on a clock; nil: the machine's.
func tracker(t testing.TB, clock *Clock) string {
	t.Helper()
	return build(t, program{name: "tracker", pkg: "trackerfleet/cmd/tracker", flags: raceFlag, movable: clock != nil})
}

// natsServer returns the path of the nats-server binary, the release that go.mod names, for processes on a clock; nil: the machine's.
func natsServer(t testing.TB, clock *Clock) string {
	t.Helper()
	return build(t, program{name: "nats-server", pkg: "github.com/nats-io/nats-server/v2", movable: clock != nil})
}

// build returns the path of a program. Two that are asked for at the same time are built at the same time.
func build(t testing.TB, p program) string {
	t.Helper()
	b, dir, err := planned(p)
	if err != nil {
		t.Fatal(err)
	}
	b.once.Do(func() { b.path, b.err = p.compile(dir) })
	if b.err != nil {
		t.Fatal(b.err)
	}
	return b.path
}

// planned returns the binary of a program, which may not be built yet, and the directory of all.
func planned(p program) (*built, string, error) {
	binaries.mu.Lock()
	defer binaries.mu.Unlock()
	if binaries.dir == "" {
		dir, err := os.MkdirTemp("", "trackerfleet-")
		if err != nil {
			return nil, "", fmt.Errorf("process: %w", err)
		}
		binaries.dir, binaries.built = dir, make(map[program]*built)
	}
	b := binaries.built[p]
	if b == nil {
		b = &built{}
		binaries.built[p] = b
	}
	return b, binaries.dir, nil
}

// compile builds the program below dir and returns its path.
func (p program) compile(dir string) (string, error) {
	args := []string{"build"}
	if p.movable {
		dir = filepath.Join(dir, "movable", p.name)
		overlay, err := movable(dir)
		if err != nil {
			return "", err
		}
		args = append(args, "-overlay", overlay)
	}
	if p.flags != "" {
		args = append(args, p.flags)
	}
	path := filepath.Join(dir, p.name)
	cmd := exec.Command("go", append(args, "-o", path, p.pkg)...)
	if p.before {
		if err := intoPrevious(cmd, dir); err != nil {
			return "", err
		}
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("process: go build %s: %w\n%s", p.pkg, err, out)
	}
	return path, nil
}

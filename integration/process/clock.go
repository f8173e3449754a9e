package process

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Clock is a wall clock that can be made to jump while the programs that follow it run. Only what time.Now says of the date is moved:
// timers, and what is measured between two readings in one process, are not, as when an administrator sets the clock of a machine.
type Clock struct{ file string }

// clockVariable names the file of a program's [Clock].
const clockVariable = "PROCESS_CLOCK"

// NewClock returns a clock that is right.
func NewClock(t testing.TB) *Clock {
	t.Helper()
	c := &Clock{file: filepath.Join(t.TempDir(), "clock")}
	if err := os.WriteFile(c.file, make([]byte, 8), 0o600); err != nil {
		t.Fatal(err)
	}
	return c
}

// Set makes the clock wrong by so much from now on; 0: right.
func (c *Clock) Set(t testing.TB, wrong time.Duration) {
	t.Helper()
	f, err := os.OpenFile(c.file, os.O_WRONLY, 0) // in place: whoever follows the clock has mapped the file
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteAt(binary.NativeEndian.AppendUint64(nil, uint64(wrong)), 0); err != nil {
		t.Fatal(err)
	}
}

// follow has a command that was built with the overlay follow the clock; nil: there is none.
func (c *Clock) follow(cmd *exec.Cmd) {
	if c == nil {
		return
	}
	cmd.Env = append(cmd.Env, clockVariable+"="+c.file)
}

// The one place of package time where the date is read, and what is put there instead. Where the Go release at hand reads it in
// another way the build fails.
const (
	nowReads = "func Now() Time {\n\tsec, nsec, mono := runtimeNow()\n"
	nowMoves = nowReads + "\tsec, nsec = moved(sec, nsec)\n"
)

// moves is the file that is added to package time.
const moves = `package time

import (
	"sync/atomic"
	"syscall"
	"unsafe"
)

// wrong points to the nanoseconds that the wall clock is wrong by.
var wrong = mapClock()

func mapClock() *int64 {
	name, ok := syscall.Getenv("` + clockVariable + `")
	if !ok {
		return new(int64)
	}
	fd, err := syscall.Open(name, syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
	if err != nil {
		panic("` + clockVariable + `: " + err.Error())
	}
	defer syscall.Close(fd)
	b, err := syscall.Mmap(fd, 0, 8, syscall.PROT_READ, syscall.MAP_SHARED)
	if err != nil {
		panic("` + clockVariable + `: " + err.Error())
	}
	return (*int64)(unsafe.Pointer(&b[0]))
}

func moved(sec int64, nsec int32) (int64, int32) {
	const second = int64(Second)
	n := int64(nsec) + atomic.LoadInt64(wrong)
	sec, n = sec+n/second, n%second
	if n < 0 {
		sec, n = sec-1, n+second
	}
	return sec, int32(n)
}
`

// patch returns time.go with a wall clock that moves.
func patch(source string) (string, error) {
	if strings.Count(source, nowReads) != 1 {
		return "", fmt.Errorf("process: package time does not read the date by %q: the overlay has to be made for this release of Go", nowReads)
	}
	return strings.Replace(source, nowReads, nowMoves, 1), nil
}

// movable writes an overlay for go build into dir that makes the wall clock of a program follow a [Clock], and returns its path.
func movable(dir string) (string, error) {
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return "", fmt.Errorf("process: go env GOROOT: %w", err)
	}
	home := filepath.Join(strings.TrimSpace(string(root)), "src", "time")
	source, err := os.ReadFile(filepath.Join(home, "time.go"))
	if err != nil {
		return "", fmt.Errorf("process: %w", err)
	}
	patched, err := patch(string(source))
	if err != nil {
		return "", err
	}
	now, added, path := filepath.Join(dir, "time.go"), filepath.Join(dir, "moved.go"), filepath.Join(dir, "overlay.json")
	overlay, err := json.Marshal(map[string]map[string]string{"Replace": {
		filepath.Join(home, "time.go"): now, filepath.Join(home, "moved.go"): added,
	}})
	if err != nil {
		return "", fmt.Errorf("process: %w", err)
	}
	return path, errors.Join(
		os.MkdirAll(dir, 0o700),
		os.WriteFile(now, []byte(patched), 0o600),
		os.WriteFile(added, []byte(moves), 0o600),
		os.WriteFile(path, overlay, 0o600),
	)
}

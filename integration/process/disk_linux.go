package process

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
)

// smallDiskBytes is what a small disk holds: a server's three streams and little more.
const smallDiskBytes = 24 << 20

// SmallDisk mounts a small disk at a folder, until the test ends, and returns what fills it to the last byte, which returns what
// makes room again. Only root can mount: for others the test is left out, unless CI runs it.
func SmallDisk(t testing.TB, folder string) (fill func() (empty func())) {
	t.Helper()
	if err := os.MkdirAll(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	switch err := syscall.Mount("tmpfs", folder, "tmpfs", 0, "size="+strconv.Itoa(smallDiskBytes)); {
	case errors.Is(err, syscall.EPERM) && os.Getenv("CI") != "true":
		t.Skip("left out, as only root can mount a small disk: what a full one does to the fleet")
	case err != nil:
		t.Fatalf("process: mount a small disk: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(folder, syscall.MNT_DETACH); err != nil {
			t.Errorf("process: unmount the small disk: %v", err)
		}
	})
	ballast := filepath.Join(folder, "ballast")
	return func() func() {
		if err := os.WriteFile(ballast, make([]byte, 2*smallDiskBytes), 0o600); !errors.Is(err, syscall.ENOSPC) {
			t.Fatalf("process: the small disk took more than it holds: %v", err)
		}
		return func() {
			if err := os.Remove(ballast); err != nil {
				t.Fatalf("process: empty the small disk: %v", err)
			}
		}
	}
}

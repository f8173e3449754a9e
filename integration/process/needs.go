package process

import (
	"fmt"
	"os"
	"os/exec"
	"testing"
)

// lacks ends a test that this machine has not got the means for: in CI, where everything is there, it fails; elsewhere it is skipped.
func lacks(t testing.TB, format string, args ...any) {
	t.Helper()
	what := fmt.Sprintf(format, args...)
	if os.Getenv("CI") == "true" {
		t.Fatal(what)
	}
	t.Skip("left out: " + what)
}

// needs ends a test unless it runs as root and the programs are there.
func needs(t testing.TB, programs ...string) {
	t.Helper()
	if os.Geteuid() != 0 {
		lacks(t, "root's rights are needed")
	}
	for _, program := range programs {
		if _, err := exec.LookPath(program); err != nil {
			lacks(t, "%s is needed: %v", program, err)
		}
	}
}

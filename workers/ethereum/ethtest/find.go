package ethtest

import (
	"os"
	"path/filepath"
	"testing"
)

// gethInstall is how to get the geth that the tests were written against.
const gethInstall = `GOBIN="$PWD/.cache/bin" go install github.com/ethereum/go-ethereum/cmd/geth@v1.17.8`

// findGeth returns the path of geth: what GETH says, or .cache/bin/geth under the module's root. Without one the test
// is skipped, except where CI=true: there it fails.
func findGeth(t testing.TB) string {
	t.Helper()
	path := os.Getenv("GETH")
	if path == "" {
		path = filepath.Join(moduleRoot(t), ".cache", "bin", "geth")
	}
	if _, err := os.Stat(path); err == nil {
		return path
	}
	const message = "no geth at %s: run, in the module's root, %s, or set GETH"
	if os.Getenv("CI") == "true" {
		t.Fatalf(message, path, gethInstall)
	}
	t.Skipf(message, path, gethInstall)
	return ""
}

func moduleRoot(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			t.Fatal("no go.mod above the test's folder")
		}
		dir = parent
	}
}

package integration

import (
	"os"
	"testing"

	"trackerfleet/integration/process"
)

// TestMain runs the tests, or is a worker of theirs in a process of its own.
func TestMain(m *testing.M) {
	if server := os.Getenv(wreckedServer); server != "" {
		os.Exit(runWrecked(server, os.Args[1]))
	}
	os.Exit(process.Main(m))
}

package integration

import (
	"os"
	"testing"

	"trackerfleet/integration/process"
)

func TestMain(m *testing.M) { os.Exit(process.Main(m)) }

package simulated

import (
	"testing"

	"go.uber.org/goleak"

	"trackerfleet/workers/source/sourcetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestSourceConforms(t *testing.T) {
	sourcetest.Run(t, func(*testing.T) sourcetest.Harness { return newScript() })
}

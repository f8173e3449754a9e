package bubble

import (
	"flag"
	"fmt"
	"os"
	"testing"

	"github.com/nats-io/nats-server/v2/server/ats"
	"go.uber.org/goleak"
)

var (
	seeds = flag.Uint64("fleet.seeds", 3, "how many seeds to run, from 1")
	seed  = flag.Uint64("fleet.seed", 0, "the only seed to run; 0: all")
)

// TestMain keeps nats-server's access-time service outside the bubbles: its goroutine waits on a channel of the package's, and
// while it did so inside, the bubble's clock would stand still.
func TestMain(m *testing.M) {
	ats.Register()
	code := m.Run()
	ats.Unregister()
	if err := goleak.Find(); code == 0 && err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

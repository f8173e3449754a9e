package bubble

import (
	"flag"
	"fmt"
	"os"
	"runtime/debug"
	"testing"

	"github.com/nats-io/nats-server/v2/server/ats"
	"go.uber.org/goleak"
)

var (
	seeds     = flag.Uint64("fleet.seeds", 3, "how many seeds to run")
	first     = flag.Uint64("fleet.first", 1, "the first of them")
	seed      = flag.Uint64("fleet.seed", 0, "the only seed to run; 0: all")
	processes = flag.Uint64("fleet.processes", 1, "how many processes share the seeds; each keeps about one core busy")
	tallyFile = flag.String("fleet.tally", "", "where a process that has its share of seeds leaves what it has felt")
)

// TestMain keeps nats-server's access-time service outside the bubbles: its goroutine waits on a channel of the package's, and
// while it did so inside, the bubble's clock would stand still. A storm leaves megabytes behind and lives for a second: collecting
// them seldom costs little memory and saves a sixth of the time.
func TestMain(m *testing.M) {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(400)
	}
	ats.Register()
	code := m.Run()
	ats.Unregister()
	if err := goleak.Find(); code == 0 && err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

package bubble

import (
	"flag"
	"fmt"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"testing"
	"time"

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
	unwatch := watchMemory()
	code := m.Run()
	unwatch()
	ats.Unregister()
	if err := goleak.Find(); code == 0 && err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// muchMemory is a hundred times what a storm takes.
const muchMemory = 4 << 30

// watchMemory shows what everybody does once the process has taken much too much memory. A loop that never waits stops the bubble's
// clock, and one that keeps something every time would take the machine down long before the test's timeout, with nothing to see.
func watchMemory() (stop func()) {
	done, over := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(over)
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		taken := []metrics.Sample{{Name: "/memory/classes/total:bytes"}}
		for {
			select {
			case <-done:
				return
			case <-tick.C:
			}
			if metrics.Read(taken); taken[0].Value.Uint64() > muchMemory {
				debug.SetTraceback("all")
				panic("a storm takes more than 4 GiB: something does not wait")
			}
		}
	}()
	return func() { close(done); <-over }
}
